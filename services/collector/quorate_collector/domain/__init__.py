"""Pure decisions of the collector."""
