"""The worker: runs agents on their assignments and writes down what they report."""
