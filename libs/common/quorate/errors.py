"""Errors whose type says what to do: try again, or give up on the message."""


class QuorateError(Exception):
    """The base of every error of Quorate; its message says what happened and what to do next."""


class Retryable(QuorateError):
    """Nothing is wrong with the message: the same call may succeed later."""


class Rejected(QuorateError):
    """The message itself is at fault: trying again cannot help."""


class TooLarge(Rejected):
    """A message is larger than the broker takes: send it by reference."""


class StreamFull(Retryable):
    """A stream has reached its size limit; free space or raise the limit, then work goes on by itself."""


class Unavailable(Retryable):
    """The broker did not answer in time; it may be restarting."""


class Conflict(QuorateError):
    """A compare-and-set lost: someone else wrote first. Read again, then decide again."""


class Misconfigured(QuorateError):
    """The configuration and the broker contradict each other; starting would do harm."""


class ConnectionLost(QuorateError):
    """The broker was gone for too long. The process ends, so that its supervisor can start it afresh."""
