"""Measurements of Quorate, and the run that kills its processes at random."""
