"""What the services log, on standard error, for people who run them in the foreground."""

import logging
import os
import sys


def log_to_stderr(level: int, *, traces: bool = False) -> None:
    """Log from ``level`` up. Errors carry stack traces only with ``traces``, or when QUORATE_TRACEBACK is set."""
    handler = logging.StreamHandler(sys.stderr)
    style = logging.Formatter if traces or os.environ.get("QUORATE_TRACEBACK") else _Sentences
    handler.setFormatter(style("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])


class _Sentences(logging.Formatter):
    """Says what an error was, and not where it came from."""

    def format(self, record: logging.LogRecord) -> str:
        shown = logging.makeLogRecord({**record.__dict__, "exc_info": None, "exc_text": None, "stack_info": None})
        error = record.exc_info[1] if record.exc_info else None
        return super().format(shown) + (f": {type(error).__name__}: {error}" if error else "")
