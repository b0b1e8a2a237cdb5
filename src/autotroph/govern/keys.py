"""Keys to a product: who may ask for what. Only digests are kept, in a file beside the ledger.

The file can be changed while a server runs; a reader notices. A secret is shown once, when it is made.
"""

import fcntl
import hashlib
import hmac
import logging
import os
import re
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from autotroph.clock import Clock
from autotroph.errors import InputError, LedgerError, UnknownName
from autotroph.store.opening import location, make_folder

Scope = Literal["read", "signals", "decide", "operate"]

GRANTS: Mapping[Scope, frozenset[Scope]] = {
    "read": frozenset({"read"}),
    "signals": frozenset({"signals"}),
    "decide": frozenset({"decide", "signals"}),
    "operate": frozenset({"operate", "decide", "signals", "read"}),
}
"""What a scope allows. To `decide` is to let decisions be made, and to import what was decided elsewhere."""

BROWSERS: frozenset[Scope] = frozenset({"signals"})
"""All that a key for browsers may be for: anybody who opens the page can read it there."""

VARIABLE = "AUTOTROPH_API_KEY"
SHORTEST, LONGEST = 22, 512
"""How long a token in the environment may be: 22 signs of 64 are 128 bits, if they were drawn by lot."""

_LOG = logging.getLogger(__name__)
_SECRET_BYTES = 32
LOOK = 0.05
"""Seconds between two looks at the file: a key that is revoked opens nothing after that."""

_NOBODY = hashlib.sha256(secrets.token_bytes(_SECRET_BYTES)).hexdigest()
_TOKEN = re.compile(r"[!-~]+")
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?")


class Key(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A key as it is kept.

    Attributes:
        id: its public part.
        name: what the owner calls it.
        digest: SHA-256 of the whole key, in hexadecimal.
        granted: the scopes that it was made with.
        created: when, in seconds since the epoch.
        expires: from when on it opens nothing more, if ever.
        revoked: since when it opens nothing more, if so.
        origins: of the pages that it is for; a key for browsers has some.

    Raises:
        ValueError: no such key may be.
    """

    id: Annotated[str, Meta(pattern="^[0-9a-z]{4,32}$")]
    name: str
    digest: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    granted: tuple[Scope, ...] = msgspec.field(name="scopes")
    created: float
    expires: float | None = None
    revoked: float | None = None
    origins: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.granted:
            raise ValueError(f"a key without a scope opens nothing; scopes: {', '.join(GRANTS)}")
        if self.origins and not BROWSERS.issuperset(self.granted):
            raise ValueError(
                f"a key for browsers may only have the scope {', '.join(BROWSERS)}, because anybody who opens"
                " the page can read it; make a key without origins for your server"
            )

    @property
    def scopes(self) -> frozenset[Scope]:
        """All that it allows."""
        return _allowed(self.granted)

    @property
    def vouches(self) -> bool:
        """Whether the users that it names are verified: a server vouches for them, a browser cannot."""
        return not self.origins

    def state(self, now: float) -> Literal["open", "expired", "revoked"]:
        """Whether it opens anything at a time."""
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and now >= self.expires else "open"

    def __repr__(self) -> str:
        return f"Key(id={self.id!r}, name={self.name!r}, granted={self.granted!r}, origins={self.origins!r})"


class Keys:
    """The keys of a product, as its file says at the moment.

    A file that cannot be read leaves the keys as they were, and `fault` says so. Without a file there are
    none.

    Args:
        path: the file.
        clock: for when keys are made, and expire.
        token: opens everything, in this process only; see `start_token`.

    Attributes:
        fault: why the file cannot be read; empty while it can.
    """

    def __init__(self, path: Path, clock: Clock, token: str = "") -> None:
        self.fault = ""
        self._path, self._clock = path, clock
        self._keys: dict[str, Key] = {}
        self._seen: tuple[int, ...] | None = None
        self._looked: float | None = None
        self._token = Key(
            id="token",
            name="start token",
            digest=_digest(token) if token else _NOBODY,
            granted=("operate",),
            created=clock.now(),
        )

    def find(self, secret: str) -> Key | None:
        """The key that a secret opens; None where it opens none, or no longer.

        It takes as long for an id that is known as for one that is not.
        """
        digest = _digest(secret[: LONGEST + 1])
        key = self._current().get(_id_in(secret[: LONGEST + 1]))
        fits = hmac.compare_digest(digest, key.digest if key else _NOBODY)
        if hmac.compare_digest(digest, self._token.digest):
            return self._token
        return key if key and fits and key.state(self._clock.now()) == "open" else None

    def origins(self) -> Collection[str]:
        """Of all keys for browsers that open something."""
        now = self._clock.now()
        keys = self._current().values()
        return {origin for key in keys if key.state(now) == "open" for origin in key.origins}

    def list(self) -> Sequence[Key]:
        """All that were made, the oldest first; revoked and expired ones too.

        Raises:
            LedgerError: the file cannot be read.
        """
        return tuple(_read(self._path).values())

    def create(
        self, name: str, scopes: Sequence[str], *, origins: Sequence[str] = (), lifetime: float | None = None
    ) -> tuple[Key, str]:
        """Makes a key.

        Args:
            name: what the owner calls it.
            scopes: of those in `GRANTS`.
            origins: of the pages that it is for, where it is for browsers.
            lifetime: seconds after which it opens nothing more.

        Returns:
            The key, and its secret, which nobody can tell later.

        Raises:
            InputError: no such key may be.
            UnknownName: a scope is none.
            LedgerError: the file cannot be read or written.
        """
        now = self._clock.now()
        with self._changing() as keys:
            id_ = next(filter(lambda one: one not in keys, self._ids()))
            secret = f"ak_{id_}_{secrets.token_urlsafe(_SECRET_BYTES)}"
            try:
                keys[id_] = Key(
                    id=id_,
                    name=_name(name),
                    digest=_digest(secret),
                    granted=tuple(dict.fromkeys(map(_scope, scopes))),
                    created=now,
                    expires=None if lifetime is None else now + lifetime,
                    origins=tuple(dict.fromkeys(map(_origin, origins))),
                )
            except ValueError as error:
                raise InputError(str(error)) from None
        return keys[id_], secret

    def revoke(self, id_: str) -> Key:
        """Lets a key open nothing more.

        Args:
            id_: its id, or the whole key.

        Raises:
            UnknownName: there is none.
            LedgerError: the file cannot be read or written.
        """
        public = _id_in(id_) or id_.removeprefix("ak_")
        with self._changing() as keys:
            if public not in keys:
                raise UnknownName("key", public, keys)
            key = keys[public]
            if key.revoked is None:
                keys[public] = replace(key, revoked=self._clock.now())
        return keys[public]

    def _ids(self) -> Iterator[str]:
        while True:
            yield self._clock.new_id("key").rpartition("_")[2][:12]

    def _current(self) -> Mapping[str, Key]:
        """The keys, read again if the file is another one than before; it is looked at now and then."""
        now = self._clock.elapsed()
        if self._looked is not None and now - self._looked < LOOK:
            return self._keys
        self._looked, seen = now, _signature(self._path)
        if seen != self._seen:
            self._seen = seen
            try:
                self._keys, self.fault = _read(self._path), ""
            except LedgerError as error:
                self.fault = str(error)
                _LOG.warning("%s; the keys stay as they were", error)
        return self._keys

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Key]]:
        """The keys of the file, which are written back; one process at a time."""
        try:
            make_folder(self._path.parent)
            folder = os.open(self._path.parent, os.O_RDONLY)
        except OSError as error:
            raise _unwritable(self._path, error) from error
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            keys = _read(self._path)
            yield keys
            _write(self._path, keys, lambda: os.fsync(folder))
            self._looked = None
        finally:
            os.close(folder)


class _File(msgspec.Struct, forbid_unknown_fields=True):
    keys: tuple[Key, ...]
    version: Literal[1] = 1


def keys_file(ledger: str | Path) -> Path:
    """Where the keys to a ledger are.

    >>> keys_file("sqlite:///.autotroph/ledger.db").as_posix()
    '.autotroph/ledger.db.keys'
    """
    path = location(ledger)
    return path.with_name(f"{path.name}.keys")


def start_token(environment: Mapping[str, str]) -> str:
    """The token of this process: what AUTOTROPH_API_KEY says, or one drawn by lot.

    Raises:
        InputError: what is in the environment could be guessed, or cannot be sent.
    """
    given = environment.get(VARIABLE, "")
    if not given:
        return secrets.token_urlsafe(_SECRET_BYTES)
    if not SHORTEST <= len(given) <= LONGEST:
        raise InputError(
            f"{VARIABLE} has {len(given)} signs; from {SHORTEST} to {LONGEST} are taken, drawn by lot:"
            " python -c 'import secrets; print(secrets.token_urlsafe(32))' makes one, and without it the"
            " server makes its own"
        )
    if not _TOKEN.fullmatch(given):
        raise InputError(f"{VARIABLE} has signs that no HTTP header carries; take letters, digits, - and _")
    return given


@lru_cache(maxsize=64)
def _allowed(granted: tuple[Scope, ...]) -> frozenset[Scope]:
    return frozenset[Scope]().union(*(GRANTS[scope] for scope in granted))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _id_in(secret: str) -> str:
    """The public part of what may be a key; empty if there is none."""
    prefix, _, rest = secret.partition("_")
    return rest.partition("_")[0] if prefix == "ak" else ""


def _name(name: str) -> str:
    if not name.strip() or len(name) > 100 or not name.isprintable():
        raise ValueError(f"a name is 1 to 100 printable signs, found {name!r:.120}")
    return name


def _scope(scope: str) -> Scope:
    for known in GRANTS:
        if scope == known:
            return known
    raise UnknownName("scope", scope, GRANTS)


def _origin(origin: str) -> str:
    """An origin as browsers send it."""
    if not _ORIGIN.fullmatch(origin) or urlsplit(origin).port in _DEFAULTS.get(origin.partition(":")[0], ()):
        raise ValueError(
            f"{origin!r:.120} is no origin; write a page's scheme, host and port as its browser sends them,"
            " in small letters: https://shop.example"
        )
    return origin


_DEFAULTS = {"http": (80,), "https": (443,)}


def _signature(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError as error:
        return None if isinstance(error, FileNotFoundError) else (-1, error.errno or 0)
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read(path: Path) -> dict[str, Key]:
    """The keys in a file by their ids; none without a file."""
    try:
        file = msgspec.json.decode(path.read_bytes(), type=_File)
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.MsgspecError) as error:
        raise LedgerError(
            f"{path}: the keys cannot be read: {error}; mend the file, or take it away and make new keys"
        ) from error
    keys = {key.id: key for key in file.keys}
    if len(keys) < len(file.keys):
        raise LedgerError(f"{path}: the keys cannot be read: two have one id; take one of them out")
    return keys


def _write(path: Path, keys: Mapping[str, Key], sync_folder: Callable[[], None]) -> None:
    """Replaces the file: there is the old one or the new one, never half of one."""
    body = msgspec.json.format(msgspec.json.encode(_File(tuple(keys.values()))), indent=1)
    fresh = path.with_name(f"{path.name}.new")
    try:
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        sync_folder()
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> LedgerError:
    return LedgerError(f"{path}: the keys cannot be written: {error.strerror}; nothing was changed")
