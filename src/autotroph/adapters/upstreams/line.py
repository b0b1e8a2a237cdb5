"""The way to one upstream: requests and their responses, on connections that are kept."""

from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from autotroph.adapters.upstreams.broken import Cut
from autotroph.adapters.upstreams.connection import Connection
from autotroph.adapters.upstreams.heads import Heads
from autotroph.adapters.upstreams.pool import Pool
from autotroph.adapters.upstreams.reaching import Place
from autotroph.adapters.upstreams.response import Response
from autotroph.errors import SpecError
from autotroph.spec.upstreams import CallSpec, base_fault

_PORTS = {"http": 80, "https": 443}


class Line:
    """Sends calls to one upstream. No proxy is used, whatever the environment says.

    Args:
        model: whose upstream it is, for messages.
        base_url: such as `https://llm.example.com/v1`.
        calls: how long a connection may take, and where it may lead.

    Raises:
        SpecError: the base URL cannot be one.
    """

    def __init__(self, model: str, base_url: str, calls: CallSpec) -> None:
        base = _split(base_url.rstrip("/"), model)
        self.base, self.host = base.geturl(), base.netloc
        self._heads = Heads(base)
        self._place = Place(
            str(base.hostname), base.port or _PORTS[base.scheme], base.scheme == "https", calls.private
        )
        self._patience = calls.connect
        self._pool: Pool | None = None

    async def send(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], *, repeats: bool
    ) -> Response:
        """The head of the answer, of whatever status.

        The other side may close a connection that was kept just when it is used again. What may be done twice
        is then sent once more, on a new connection; whatever may not gets a new one at once.

        Args:
            method: in HTTP.
            path: below the base URL.
            body: as it is sent.
            headers: by their names in lower case.
            repeats: whether it does no harm if it is done twice.

        Raises:
            Broken, NotAllowed: there is no answer.
            InputError: the path leads out of the base URL, or a header is none.
        """
        head = self._heads.of(method, path, headers, len(body))
        self._pool = pool = self._pool or Pool(self._place, self._patience)
        connection = await pool.take(fresh=not repeats)
        kept = connection.kept
        try:
            return await _answered(connection, head, body, method)
        except Cut as cut:
            if not (kept and cut.silent):
                raise
        return await _answered(await pool.take(fresh=True), head, body, method)

    async def close(self) -> None:
        """Close all connections."""
        if self._pool is not None:
            await self._pool.close()
            self._pool = None  # it belongs to a loop


async def _answered(connection: Connection, head: bytes, body: bytes, method: str) -> Response:
    response = connection.ask(head, body, bodiless=method == "HEAD")
    try:
        await response.head()
    except BaseException:
        response.abort()
        raise
    return response


def _split(base: str, model: str) -> SplitResult:
    """A base URL as HTTP says it: its host in ASCII, its port only where it is not the usual."""
    if wrong := base_fault(base):
        raise SpecError(f"models.{model}.base_url {wrong}")
    parts = urlsplit(base)
    host, port = (parts.hostname or "").encode("idna").decode("ascii"), parts.port
    name = f"[{host}]" if ":" in host else host
    return parts._replace(netloc=name if port in (None, _PORTS[parts.scheme]) else f"{name}:{port}")
