"""What a call to GitHub can come to, beside an answer."""

from quorate.errors import Rejected, Retryable

MAX_TEXT = 500
UNAUTHORIZED_S = 300.0
"""Not sooner: who comes with a wrong token often is shut out for a while, with the right one too."""

_ADVICE = {
    403: "give the token or the App the permission, and the App access to the repository",
    404: "check the name, and that the token or the App may see the repository",
    410: "it is gone: nothing is left to do",
}


class GitHubBusy(Retryable):
    """GitHub takes no requests now, or could not be reached; nothing was changed. ``retry_after_s`` says when."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(f"{message}; try again in {retry_after_s:.0f} s")
        self.retry_after_s = retry_after_s


class Ambiguous(Retryable):
    """A write was sent and its answer was lost: find out what it did before doing it again."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(f"{message}: nobody knows whether it was done; look before doing it again")
        self.retry_after_s = retry_after_s


class Unauthorized(Retryable):
    """The token or the App's key is not taken, as while it is being replaced: nothing was done, and nothing is lost."""

    def __init__(self, what: str, message: str) -> None:
        self.retry_after_s = UNAUTHORIZED_S
        said = readable(message) or "without a word"
        super().__init__(
            f"GitHub refused {what} with 401: {said} (the token or the key of the App is not valid: renew it; it is"
            f" tried again in {UNAUTHORIZED_S:.0f} s)"
        )


class Refused(Rejected):
    """GitHub said no, and would again. ``message`` and ``errors`` are its own words, shortened."""

    def __init__(self, what: str, status: int, message: str, errors: tuple[str, ...] = ()) -> None:
        self.status = status
        self.message = readable(message)
        self.errors = tuple(map(readable, errors))
        said = ": ".join(filter(None, (self.message, "; ".join(self.errors)[:MAX_TEXT])))
        advice = f" ({_ADVICE[status]})" if status in _ADVICE else ""
        super().__init__(f"GitHub refused {what} with {status}: {said or 'without a word'}{advice}")


def readable(text: str) -> str:
    """A text from outside on one line, without control characters, not long."""
    return " ".join("".join(char if char.isprintable() else " " for char in text[: 2 * MAX_TEXT]).split())[:MAX_TEXT]
