"""The router: admits tasks, plans them, hands out the work and says the last word on each."""
