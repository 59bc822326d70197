"""Pure decisions of the worker."""
