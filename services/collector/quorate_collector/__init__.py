"""The collector: joins contributions, removes duplicates, counts votes and writes one outcome."""
