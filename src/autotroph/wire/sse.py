"""Server-sent events (WHATWG HTML, section 9.2): bytes in whatever pieces, the data of events out."""

LONGEST = 16 * 2**20
"""Bytes of an event; pictures are streamed in events, too."""

_MARK = b"\xef\xbb\xbf"
"""A byte order mark, which a stream may begin with."""


class TooLong(ValueError):
    """An event has no end."""


class Lines:
    r"""The data of events, each as the bytes that were sent; comments, names and ids of events are left out.

    >>> lines = Lines()
    >>> lines.feed(b': hello\n\ndata: {"a"'), lines.feed(b': 1}\n\ndata: [DONE]\n\n')
    ([], [b'{"a": 1}', b'[DONE]'])
    """

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._fresh = True

    def feed(self, piece: bytes) -> list[bytes]:
        """The events that end in this piece; an empty one is the end of all.

        Raises:
            TooLong: more than an event can have has come without its end.
        """
        if not self._rest and not self._data and _is_one(piece):
            return [piece[6:-2]]  # the usual: one event a write
        whole = self._rest + piece if self._rest else piece
        if whole.endswith(b"\r") and piece:  # its newline may follow
            whole, self._rest = whole[:-1], b"\r"
        else:
            self._rest = b""
        if b"\r" in whole:
            whole = whole.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, rest = whole.split(b"\n")
        if lines and self._fresh:
            lines[0], self._fresh = lines[0].removeprefix(_MARK), False
        self._rest = rest + self._rest
        if len(self._rest) > LONGEST or sum(map(len, self._data)) > LONGEST:
            raise TooLong(f"an event of more than {LONGEST:,} bytes")
        return self._events(lines)

    def _events(self, lines: list[bytes]) -> list[bytes]:
        found = []
        for line in lines:
            if line.startswith(b"data:"):
                self._data.append(line[6:] if line[5:6] == b" " else line[5:])
            elif not line and self._data:
                found.append(self._data[0] if len(self._data) == 1 else b"\n".join(self._data))
                self._data.clear()
        return found


def _is_one(piece: bytes) -> bool:
    """Whether a piece is one event with one line of data, and nothing else."""
    return (
        piece.startswith(b"data: ")
        and piece.endswith(b"\n\n")
        and piece.find(b"\n") == len(piece) - 2
        and b"\r" not in piece
    )
