"""What comes of a connection that does not work; none of it quotes what was sent."""


class Broken(OSError):
    """The connection is of no use."""


class Unreachable(Broken):
    """There is no connection.

    Args:
        reason: in words that may be shown.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Cut(Broken):
    """The connection ended before its answer did.

    Args:
        silent: not a byte of an answer had come.
    """

    def __init__(self, *, silent: bool) -> None:
        self.silent = silent
        super().__init__("before its answer began" if silent else "before its answer was complete")


class Garbled(Broken):
    """What came is no HTTP/1.1, or more than an answer may have."""
