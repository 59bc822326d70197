"""Where the worker meets the outside: the tools it runs and the files they read."""
