"""An answer that streams, as far as it has come: bytes in, events out. It knows no socket."""

from collections import deque

from autotroph.wire.sse import Lines, TooLong

_DONE = b"[DONE]"


class Broken(OSError):
    """A stream that cannot be heard to its end."""


class Arriving:
    r"""What has come of a stream, and was not read yet.

    Attributes:
        events: the data of each event that waits to be read.
        done: whether it has said that it is complete.

    >>> arriving = Arriving()
    >>> arriving.feed(b'data: {"a": 1}\n\ndata: [DO'), arriving.done, list(arriving.events)
    (True, False, [b'{"a": 1}'])
    >>> arriving.feed(b"NE]\n\n"), arriving.done
    (True, True)
    """

    def __init__(self) -> None:
        self._lines = Lines()
        self.events: deque[bytes] = deque()
        self.done = False

    def feed(self, piece: bytes) -> bool:
        """Take what has come; whether something can be said of it now: an event, or its end.

        Raises:
            Broken: it has ended, but was not complete; or it is no stream of events.
        """
        if not piece:
            raise Broken("the answer ended before it was complete")
        try:
            found = self._lines.feed(piece)
        except TooLong as error:
            raise Broken(str(error)) from None
        for event in found:
            self.done = self.done or event == _DONE
            if not self.done:
                self.events.append(event)
        return self.done or bool(self.events)
