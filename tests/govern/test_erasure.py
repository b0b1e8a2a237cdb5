"""An erasure, judged by the raw bytes of every file that a product has."""

import random
import re
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from autotroph.errors import Erased
from autotroph.faces.library import Product
from autotroph.govern.backups import backup, restore
from autotroph.records import Decision
from autotroph.store import open_reader, opening, verify
from autotroph.store.segments import sync
from support_product import START, ask, opened, pass_time

USERS = 1000
FIELDS = ("user", "session", "asked", "edited", "key")
"""Where a random mark of its own is planted for each user."""

PLANTED = re.compile(rb"(?=(zq[0-9a-f]{16}|decision_[0-9a-f]{20}))")

Marks = dict[str, str]


def planted() -> list[Marks]:
    luck = random.Random(11)
    return [{field: f"zq{luck.randbytes(8).hex()}" for field in FIELDS} for _ in range(USERS)]


def used(product: Product, people: Sequence[Marks]) -> dict[str, str]:
    """Each asks once, and everything that can come back does; the id of the decision by user."""
    decisions: dict[str, str] = {}
    for place, one in enumerate(people):
        user, text = one["user"], f"{one['asked']} " * (1 + place % 60)
        decisions[user] = id_ = ask(product, user, text, session=one["session"], key=one["key"])
        product.signal(id_, "edited", f"{one['edited']} " * (1 + place % 50), user=user)
        product.signal(id_, "accepted", True, user=user)
        product.signal(one["session"], "resolved", True)
        product.signal(user, "happy", 4.0)
    pass_time(product)
    return decisions


def hits(folder: Path, people: Sequence[Marks], decisions: Mapping[str, str]) -> dict[str, int]:
    """How many of people's marks and decisions' ids are in each file below a folder that has any.

    Another process reads, because closing a file drops the locks that this one has on it.
    """
    wanted = {mark.encode() for one in people for mark in (*one.values(), decisions[one["user"]])}
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        body = subprocess.run(["cat", path], capture_output=True, check=True).stdout
        if there := wanted.intersection(PLANTED.findall(body)):
            found[path.name] = len(there)
    return found


@pytest.fixture(scope="module")
def people() -> list[Marks]:
    return planted()


@pytest.mark.parametrize("users", [300, pytest.param(USERS, marks=pytest.mark.slow)])
def test_a_hundredth_of_the_users_is_gone_from_every_byte(
    tmp_path: Path, people: list[Marks], users: int
) -> None:
    """Three hundred fill pages, indexes and overflow pages, as a thousand do; the trees are less deep."""
    people = people[:users]
    folder = tmp_path / "product"
    folder.mkdir()
    gone, kept = people[7::100], [one for place, one in enumerate(people) if place % 100 != 7]
    with opened(folder) as product:
        decisions = used(product, people)
        ledger = Path(product.store.path)
        sync(ledger)
        backup(ledger, tmp_path / "before.db")
        assert hits(folder, gone, decisions)["ledger.db"] == 6 * len(gone)
        links = verify(product.store)

        done = product.erase(*(one["user"] for one in gone))
        backup(ledger, folder / "after.db")
        sync(ledger)
        assert (done.users, done.decisions) == (len(gone), len(gone))
        assert hits(folder, gone, decisions) == {}
        others = hits(folder, kept, decisions)
        assert others["ledger.db"] == others["after.db"] == 6 * len(kept)
        assert verify(product.store) == links + 1
        for one in gone:
            with pytest.raises(Erased):
                product.signal(decisions[one["user"]], "accepted", False)
            with pytest.raises(Erased):
                product.signal(one["session"], "resolved", False)

    assert hits(tmp_path, gone, decisions) == {"before.db": 6 * len(gone)}
    assert restore(tmp_path / "before.db", ledger, START).erased == len(gone)
    assert hits(folder, gone, decisions) == {}
    assert hits(folder, kept, decisions)["ledger.db"] == 6 * len(kept)
    with opened(folder) as product:
        assert len({one.user for one in product.store.scan(Decision)}) == len(kept)
        with pytest.raises(Erased):
            product.signal(decisions[gone[0]["user"]], "accepted", False)


@pytest.mark.parametrize("users", [300, pytest.param(USERS, marks=pytest.mark.slow)])
def test_half_of_the_users_is_gone_from_every_byte(tmp_path: Path, people: list[Marks], users: int) -> None:
    people = people[:users]
    with opened(tmp_path) as product:
        decisions = used(product, people)
        product.erase(*(one["user"] for one in people[::2]))
        assert hits(tmp_path, people[::2], decisions) == {}
        assert hits(tmp_path, people[1::2], decisions)["ledger.db"] == 3 * users


def test_without_secure_delete_their_bytes_would_stay(
    tmp_path: Path, people: list[Marks], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(opening.DURABLE, "secure_delete", 0)
    few = people[:100]
    with opened(tmp_path) as product:
        decisions = used(product, few)
        product.erase(*(one["user"] for one in few[:10]))
        assert hits(tmp_path, few[:10], decisions)
    with closing(open_reader(tmp_path / ".autotroph/ledger.db")) as reader:
        assert len({one.user for one in reader.scan(Decision)}) == 90
