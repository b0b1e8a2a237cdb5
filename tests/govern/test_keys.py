"""Keys: what opens, what does not, and that nothing but the owner's hand ever opens more."""

import hmac
import json
import logging
import os
import stat
import threading
import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotroph.clock import ReplayClock
from autotroph.errors import InputError, LedgerError, UnknownName
from autotroph.govern import keys as module
from autotroph.govern.keys import GRANTS, LONGEST, Key, Keys, keys_file, start_token

SHOP = "https://shop.example"
HOSTILE = [
    "",
    "\0",
    "ak",
    "ak_",
    "ak__",
    "_",
    "ak_\0_\0",
    "ü" * 30,
    "\ud800",
    "x" * 10**6,
    "ak_" + "a" * 10**6,
]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is looked at each time."""
    monkeypatch.setattr("autotroph.govern.keys.LOOK", 0.0)


@pytest.fixture
def clock() -> ReplayClock:
    return ReplayClock("keys", at=1_000_000.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new folder" / "ledger.db.keys"


@pytest.fixture
def keys(path: Path, clock: ReplayClock) -> Keys:
    return Keys(path, clock)


# what a key is -------------------------------------------------------------------------------------------


def test_a_key_opens_and_another_does_not(keys: Keys) -> None:
    key, secret = keys.create("backend", ["decide"])
    assert keys.find(secret) == key
    assert keys.find(secret[:-1]) is None
    assert keys.find(secret + "x") is None
    assert keys.find(f"ak_{key.id}_") is None
    assert keys.find(secret.upper()) is None


def test_two_keys_never_open_each_other(keys: Keys) -> None:
    (first, one), (second, two) = keys.create("one", ["read"]), keys.create("two", ["operate"])
    assert (keys.find(one), keys.find(two)) == (first, second)
    swapped = one.replace(first.id, second.id)
    assert keys.find(swapped) is None


def test_a_secret_is_long_drawn_by_lot_and_kept_nowhere(keys: Keys, path: Path) -> None:
    key, secret = keys.create("backend", ["decide"])
    drawn = secret.removeprefix(f"ak_{key.id}_")
    assert len(drawn) * 6 >= 128
    assert keys.create("backend", ["decide"])[1] != secret
    assert drawn not in path.read_text()
    assert drawn not in repr(key)
    assert key.digest not in repr(key)
    assert drawn not in repr(keys)


def test_the_same_clock_draws_other_ids_beside_those_that_are_there(path: Path) -> None:
    made = [Keys(path, ReplayClock("same")).create("a", ["read"])[0].id for _ in range(3)]
    assert len(set(made)) == 3


@pytest.mark.parametrize("granted", GRANTS)
def test_what_a_scope_allows(keys: Keys, granted: str) -> None:
    allowed = {
        "read": {"read"},
        "signals": {"signals"},
        "decide": {"decide", "signals"},
        "operate": {"read", "signals", "decide", "operate"},
    }
    assert keys.create("a", [granted])[0].scopes == allowed[granted]


def test_two_scopes_allow_what_either_does(keys: Keys) -> None:
    assert keys.create("a", ["read", "decide", "read"])[0].scopes == {"read", "decide", "signals"}


def test_only_a_servers_key_vouches(keys: Keys) -> None:
    assert keys.create("server", ["signals"])[0].vouches
    assert not keys.create("page", ["signals"], origins=[SHOP])[0].vouches


@pytest.mark.parametrize("scope", ["read", "decide", "operate"])
def test_a_key_for_browsers_only_sends_signals(keys: Keys, path: Path, scope: str) -> None:
    with pytest.raises(InputError, match="anybody who opens the page can read it"):
        keys.create("page", ["signals", scope], origins=[SHOP])
    assert keys.list() == ()
    assert not path.exists()


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "null",
        "shop.example",
        f"{SHOP}/",
        f"{SHOP}/a",
        "https://Shop.example",
        "https://shop.example:443",
        "http://shop.example:80",
        "ftp://shop.example",
        "https://a@shop.example",
        "https://shop.example?x",
        "",
    ],
)
def test_what_no_browser_sends_is_no_origin(keys: Keys, origin: str) -> None:
    with pytest.raises(InputError, match="is no origin"):
        keys.create("page", ["signals"], origins=[origin])


@pytest.mark.parametrize(
    "origin", [SHOP, "http://localhost:3000", "http://127.0.0.1:8080", "http://[::1]:8080"]
)
def test_origins_of_open_keys(keys: Keys, clock: ReplayClock, origin: str) -> None:
    key, _ = keys.create("page", ["signals"], origins=[origin])
    keys.create("old page", ["signals"], origins=["https://old.example"], lifetime=5.0)
    assert set(keys.origins()) == {origin, "https://old.example"}
    clock.advance(to=clock.now() + 5)
    assert set(keys.origins()) == {origin}
    keys.revoke(key.id)
    assert set(keys.origins()) == set()


@pytest.mark.parametrize(
    ("name", "scopes", "error"),
    [
        ("a", ["all"], "no scope named 'all'; known: decide, operate, read, signals"),
        ("a", [], "without a scope opens nothing"),
        ("", ["read"], "1 to 100 printable"),
        (" ", ["read"], "1 to 100 printable"),
        ("a\nb", ["read"], "1 to 100 printable"),
        ("a" * 101, ["read"], "1 to 100 printable"),
    ],
)
def test_what_no_key_may_be(keys: Keys, path: Path, name: str, scopes: list[str], error: str) -> None:
    with pytest.raises((InputError, UnknownName), match=error):
        keys.create(name, scopes)
    assert not path.exists()


# until when ----------------------------------------------------------------------------------------------


def test_a_key_expires(keys: Keys, clock: ReplayClock) -> None:
    key, secret = keys.create("a", ["read"], lifetime=60.0)
    clock.advance(to=clock.now() + 59.9)
    assert keys.find(secret) == key
    clock.advance(to=1_000_060.0)
    assert keys.find(secret) is None
    assert keys.list()[0].state(clock.now()) == "expired"


def test_a_revoked_key_opens_nothing_more_and_stays_listed(keys: Keys, clock: ReplayClock) -> None:
    (first, secret), (_, other) = keys.create("a", ["read"]), keys.create("b", ["read"])
    clock.advance(to=2_000_000.0)
    revoked = keys.revoke(first.id)
    assert keys.find(secret) is None
    assert keys.find(other) is not None
    assert revoked.revoked == 2_000_000.0
    assert [key.state(clock.now()) for key in keys.list()] == ["revoked", "open"]
    clock.advance(to=3_000_000.0)
    assert keys.revoke(first.id) == revoked


def test_a_whole_key_can_be_named_to_revoke_it_and_is_not_repeated(keys: Keys) -> None:
    _, secret = keys.create("a", ["read"])
    keys.revoke(secret)
    assert keys.find(secret) is None
    with pytest.raises(UnknownName) as refusal:
        keys.revoke("ak_nobody_verysecretindeed")
    assert "verysecretindeed" not in str(refusal.value)
    assert "nobody" in str(refusal.value)


# what is presented ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("presented", HOSTILE, ids=lambda text: repr(text[:12]))
@pytest.mark.parametrize("token", ["", "t" * 30])
def test_hostile_secrets_are_not_found(path: Path, clock: ReplayClock, presented: str, token: str) -> None:
    keys = Keys(path, clock, token)
    keys.create("a", ["operate"])
    assert keys.find(presented) is None


@given(st.text())
def test_nothing_that_is_made_up_is_found(presented: str) -> None:
    keys = Keys(Path("/nowhere/at all.keys"), ReplayClock("keys"), start_token({}))
    assert keys.find(presented) is None
    assert keys.find(f"ak_{presented}") is None


def test_what_only_begins_with_a_long_token_is_not_it(path: Path, clock: ReplayClock) -> None:
    keys = Keys(path, clock, "t" * LONGEST)
    assert keys.find("t" * LONGEST) is not None
    assert keys.find("t" * (LONGEST + 1)) is None
    assert keys.find("t" * (LONGEST - 1)) is None


def test_an_unknown_id_is_compared_like_a_known_one(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    key, secret = keys.create("a", ["read"])
    compared: list[tuple[int, int]] = []
    real = hmac.compare_digest

    def watched(left: str, right: str) -> bool:
        compared.append((len(left), len(right)))
        return real(left, right)

    monkeypatch.setattr(module.hmac, "compare_digest", watched)
    work = []
    for presented in (secret, f"ak_{key.id}_wrong", "ak_unknown_wrong", "no key at all", ""):
        compared.clear()
        keys.find(presented)
        work.append(list(compared))
    assert work == [[(64, 64), (64, 64)]] * 5


# the file ------------------------------------------------------------------------------------------------


def test_the_file_is_for_its_owner_alone_even_where_an_old_one_was_not(path: Path, keys: Keys) -> None:
    previous = os.umask(0)
    try:
        keys.create("a", ["read"])
        path.with_name(f"{path.name}.new").write_text("left by a crash")
        path.chmod(0o644)
        keys.create("b", ["read"])
    finally:
        os.umask(previous)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_another_process_changes_the_file_and_a_server_notices(
    path: Path, keys: Keys, clock: ReplayClock
) -> None:
    key, secret = keys.create("a", ["read"])
    server = Keys(path, clock)
    assert server.find(secret) == key
    _, later = keys.create("b", ["decide"])
    assert server.find(later) is not None
    keys.revoke(key.id)
    assert server.find(secret) is None
    path.unlink()
    assert server.find(later) is None
    assert server.fault == ""


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"{",
        b"null",
        b'{"keys": [{}]}',
        b'{"keys": [], "version": 2}',
        b'{"keys": [], "admin": true}',
        b"\xff\xfe",
    ],
)
def test_a_broken_file_leaves_the_keys_as_they_were(
    path: Path, keys: Keys, clock: ReplayClock, caplog: pytest.LogCaptureFixture, broken: bytes
) -> None:
    key, secret = keys.create("a", ["read"])
    server = Keys(path, clock)
    server.find(secret)
    good = path.read_bytes()
    path.write_bytes(broken)
    with caplog.at_level(logging.WARNING):
        assert [server.find(secret) for _ in range(3)] == [key] * 3
    assert str(path) in server.fault
    assert len(caplog.records) == 1
    assert secret not in caplog.text
    path.write_bytes(good)
    assert server.find(secret) == key
    assert server.fault == ""


def test_every_half_of_the_file_leaves_the_keys_as_they_were(
    path: Path, keys: Keys, clock: ReplayClock
) -> None:
    key, secret = keys.create("a", ["read"])
    _, revoked = keys.create("b", ["operate"])
    keys.revoke(revoked)
    server = Keys(path, clock)
    assert server.find(secret) == key
    good = path.read_bytes()
    for size in range(len(good)):
        path.write_bytes(good[:size])
        assert server.find(secret) == key
        assert server.find(revoked) is None
        assert Keys(path, clock).find(secret) is None


def test_what_is_broken_from_the_start_opens_nothing_and_is_not_written_over(path: Path, keys: Keys) -> None:
    key, secret = keys.create("a", ["read"])
    broken = path.read_text().replace('"read"', '"admin"')
    path.write_text(broken)
    server = Keys(path, ReplayClock("other"))
    assert server.find(secret) is None
    assert "Invalid enum value 'admin'" in server.fault
    for change in (lambda: server.create("b", ["read"]), lambda: server.revoke(key.id), server.list):
        with pytest.raises(LedgerError, match="cannot be read"):
            change()
    assert path.read_text() == broken


def test_a_hand_cannot_give_a_browser_more_than_signals(path: Path, keys: Keys, clock: ReplayClock) -> None:
    _, secret = keys.create("page", ["signals"], origins=[SHOP])
    path.write_text(path.read_text().replace('"signals"', '"operate"'))
    server = Keys(path, clock)
    assert server.find(secret) is None
    assert "a key for browsers may only have the scope signals" in server.fault


def test_two_keys_of_one_id_are_refused(path: Path, keys: Keys, clock: ReplayClock) -> None:
    keys.create("a", ["read"])
    file = json.loads(path.read_text())
    path.write_text(json.dumps({**file, "keys": file["keys"] * 2}))
    assert Keys(path, clock).origins() == set()
    with pytest.raises(LedgerError, match="two have one id"):
        Keys(path, clock).list()


def test_keys_that_are_made_at_once_are_all_there(path: Path) -> None:
    def make(number: int) -> None:
        Keys(path, ReplayClock(f"clock {number}")).create(f"key {number}", ["read"])

    threads = [threading.Thread(target=make, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {key.name for key in Keys(path, ReplayClock("x")).list()} == {
        f"key {number}" for number in range(12)
    }


def test_a_file_that_cannot_be_written_stays_as_it_is(path: Path, keys: Keys, clock: ReplayClock) -> None:
    keys.create("a", ["read"])
    before = path.read_bytes()
    path.with_name(f"{path.name}.new").mkdir()
    with pytest.raises(LedgerError, match="cannot be written"):
        keys.create("b", ["read"])
    assert path.read_bytes() == before
    with pytest.raises(LedgerError, match="cannot be written"):
        Keys(path / "below a file" / "x.keys", clock).create("a", ["read"])


def test_what_is_written_is_on_disk_before_it_counts(
    path: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys.create("a", ["read"])
    synced: list[tuple[int, bool]] = []
    real = os.fsync

    def watched(file: int) -> None:
        synced.append((os.fstat(file).st_ino, path.with_name(f"{path.name}.new").exists()))
        real(file)

    monkeypatch.setattr(os, "fsync", watched)
    keys.create("b", ["read"])
    assert synced == [(path.stat().st_ino, True), (path.parent.stat().st_ino, False)]


def test_the_file_lies_beside_the_ledger() -> None:
    assert keys_file("sqlite:////srv/shop/ledger.db") == Path("/srv/shop/ledger.db.keys")
    with pytest.raises(InputError, match="does not name an SQLite file"):
        keys_file("postgresql://db/shop")


def test_the_digest_is_sha_256_of_the_whole_key(keys: Keys) -> None:
    import hashlib

    key, secret = keys.create("a", ["read"])
    assert key.digest == hashlib.sha256(secret.encode()).hexdigest()
    assert msgspec.json.decode(msgspec.json.encode(key), type=Key) == key


def test_the_file_is_looked_at_now_and_then(
    path: Path, keys: Keys, clock: ReplayClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, secret = keys.create("a", ["read"])
    server = Keys(path, clock)
    assert server.find(secret) == key
    monkeypatch.setattr("autotroph.govern.keys.LOOK", 1000.0)
    keys.revoke(key.id)
    assert server.find(secret) == key
    monkeypatch.setattr("autotroph.govern.keys.LOOK", 0.001)
    time.sleep(0.002)
    assert server.find(secret) is None
