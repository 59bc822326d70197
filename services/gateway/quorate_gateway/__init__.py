"""The gateway: the way in from the outside, by HTTP, and the way to read pull requests."""
