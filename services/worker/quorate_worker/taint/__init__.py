"""Flows of untrusted values into dangerous calls in Python modules, by reading their syntax trees."""

from quorate_worker.taint.rules import VERSION

__all__ = ["VERSION"]
