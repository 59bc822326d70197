"""What the collector needs of the outside: one file per outside thing."""
