"""A frozen dataset: which examples it holds and everything that decided it, never a text of theirs.

It refers to rows of the ledger by their sequences, which say nothing about anybody and are never given out
twice. So whoever is erased is gone from every dataset with their rows, and what stays of them is a salted
digest, as an erasure leaves one.
"""

import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate
from typing import Literal

import msgspec

from autotroph.clock import digest
from autotroph.digest.datasets.contents import owner_mark
from autotroph.digest.datasets.recipe import Recipe
from autotroph.errors import InputError, UnknownName
from autotroph.records import Artefact, Candidate, canonical
from autotroph.store import Reader

Split = Literal["train", "validation", "test"]
Origin = Literal["own", "import", "human"]

SPLITS: tuple[Split, ...] = ("train", "validation", "test")
ORIGINS: tuple[Origin, ...] = ("own", "import", "human")
KIND = "dataset"
HUMAN = 0.3
"""Below this share of what people wrote, a model that learns from its own output loses what is rare."""

SHORTEST = 6
MANY = 10_000


class Reference(msgspec.Struct, frozen=True, gc=False):
    """An example, by where it lies in the ledger.

    Attributes:
        split: what it is for.
        decision, target, other: see `contents.Named`.
        content: the salted digest of its texts.
        reward: what the answer was worth.
        against: what the other one was worth; None if it is no preference.
        owner: the salted digest of the user, else of the session or unit.
        origin: who made what is learned: people, the product itself, or, of an import, nobody knows.
    """

    split: Split
    decision: int
    target: int
    other: int
    content: str
    reward: float
    against: float | None
    owner: str
    origin: Origin

    @property
    def key(self) -> tuple[int, int]:
        """What tells it from other examples."""
        return self.decision, self.other


class Basis(msgspec.Struct, frozen=True, kw_only=True):
    """What a dataset was made of, the recipe aside.

    Attributes:
        declaration: its digest.
        reward, version: the measure by which examples are valued.
        through: the last ledger sequence that was looked at.
    """

    declaration: str
    reward: str
    version: str
    through: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The frozen list, column by column, by split and then in ledger order.

    Attributes:
        recipe, basis: what was asked for, and of what it was made.
        sizes: how many examples each split has.
        owners: whose they are, each once; `owner` are places in it, and `origins` in `ORIGINS`.
    """

    recipe: Recipe
    basis: Basis
    sizes: tuple[int, int, int]
    decisions: tuple[int, ...]
    targets: tuple[int, ...]
    others: tuple[int, ...]
    contents: tuple[str, ...]
    rewards: tuple[float, ...]
    against: tuple[float | None, ...]
    owner: tuple[int, ...]
    owners: tuple[str, ...]
    origins: tuple[int, ...]

    @cached_property
    def digest(self) -> str:
        """The hash of all of it."""
        return digest(KIND, canonical(self))

    def __len__(self) -> int:
        return len(self.decisions)

    def __iter__(self) -> Iterator[Reference]:
        ends = list(accumulate(self.sizes))
        for place, decision in enumerate(self.decisions):
            yield Reference(
                split=SPLITS[sum(place >= end for end in ends)],
                decision=decision,
                target=self.targets[place],
                other=self.others[place],
                content=self.contents[place],
                reward=self.rewards[place],
                against=self.against[place],
                owner=self.owners[self.owner[place]],
                origin=ORIGINS[self.origins[place]],
            )

    @property
    def human(self) -> float:
        """The share of examples whose target a person wrote; 0 where there are none."""
        return self.origins.count(ORIGINS.index("human")) / max(1, len(self))

    @property
    def warning(self) -> str:
        """What speaks against learning from it; empty if nothing does."""
        if not self.decisions or self.human >= HUMAN:
            return ""
        unknown = self.origins.count(ORIGINS.index("import")) / len(self)
        aside = f", and of {unknown:.0%}, the imports, nobody knows who did" if unknown else ""
        return (
            f"people wrote {self.human:.0%} of what is learned{aside}: below {HUMAN:.0%} a model that learns"
            " from its own output forgets what is rare; learn what people finally wrote (target), or add"
            " examples of theirs"
        )


def manifest_of(references: Sequence[Reference], recipe: Recipe, basis: Basis) -> Manifest:
    """The manifest of some examples."""
    ordered = sorted(references, key=lambda one: (SPLITS.index(one.split), one.key))
    owners = sorted({one.owner for one in ordered})
    places = {owner: place for place, owner in enumerate(owners)}
    train, validation, test = (sum(one.split == split for one in ordered) for split in SPLITS)
    return Manifest(
        recipe=recipe,
        basis=basis,
        sizes=(train, validation, test),
        decisions=tuple([one.decision for one in ordered]),
        targets=tuple([one.target for one in ordered]),
        others=tuple([one.other for one in ordered]),
        contents=tuple([one.content for one in ordered]),
        rewards=tuple([one.reward for one in ordered]),
        against=tuple([one.against for one in ordered]),
        owner=tuple([places[one.owner] for one in ordered]),
        owners=tuple(owners),
        origins=tuple([ORIGINS.index(one.origin) for one in ordered]),
    )


def freeze(manifest: Manifest) -> Artefact:
    """The row that keeps a manifest, under its digest."""
    return Artefact(digest=manifest.digest, kind=KIND, body=canonical(manifest))


def names(reader: Reader) -> list[str]:
    """The digests of all datasets, in ledger order."""
    found = reader.query("SELECT digest FROM artefacts WHERE kind = ? ORDER BY sequence", (KIND,)).rows
    return [str(name) for (name,) in found]


def load(reader: Reader, name: str) -> Manifest:
    """A dataset by its digest, or by the beginning of it.

    Raises:
        UnknownName: there is none.
        InputError: the beginning is too short, or that of several.
    """
    known = names(reader)
    found = [one for one in known if one.startswith(name)]
    if len(name) < SHORTEST:
        raise InputError(f"dataset {name!r}: give at least {SHORTEST} digits of its digest")
    if len(found) > 1:
        raise InputError(f"dataset {name!r}: {len(found)} digests begin so; give more digits")
    row = reader.get(Artefact, digest=found[0]) if found else None
    if row is None:
        raise UnknownName("dataset", name, [one[:12] for one in known])
    return _DECODER.decode(row.body)


_DECODER = msgspec.json.Decoder(Manifest)


# lineage -------------------------------------------------------------------------------------------------


def holding(reader: Reader, *, decision: str = "", user: str = "") -> dict[str, list[Reference]]:
    """The datasets that hold a decision, or anything of a user, by digest.

    Of a user also after an erasure; a decision that is not in the ledger any more is not found.

    Raises:
        InputError: neither is named, or there is no such decision.
    """
    if not decision and not user:
        raise InputError("name a decision or a user to look for")
    rows = reader.query(
        "SELECT sequence FROM decisions WHERE id = :id OR shadows = :id", {"id": decision}
    ).rows
    mine = {sequence for (sequence,) in rows} if decision else set()
    if decision and not mine:
        raise InputError(f"no decision {decision!r} is in the ledger; if it was erased, look for its user")
    mark = owner_mark(reader.meta("seed") or "", user) if user else ""
    found = {}
    for name in names(reader):
        held = [
            one
            for one in load(reader, name)
            if one.decision in mine or one.other in mine or (mark and one.owner == mark)
        ]
        if held:
            found[name] = held
    return found


def learned_from(reader: Reader, name: str) -> list[Candidate]:
    """The candidates that were made from a dataset: those whose snapshot it is."""
    return list(reader.scan(Candidate, snapshot=name))


def gone(reader: Reader, manifest: Manifest) -> int:
    """How many of its examples are not in the ledger any more: erased, or let go."""
    decisions = _there(reader, "decisions", [*manifest.decisions, *filter(None, manifest.others)])
    signals = _there(reader, "signals", [*filter(None, manifest.targets)]) | {0}
    columns = zip(manifest.decisions, manifest.targets, manifest.others, strict=True)
    return sum(
        decision not in decisions or target not in signals or bool(other and other not in decisions)
        for decision, target, other in columns
    )


def _there(reader: Reader, table: str, sequences: Sequence[int]) -> set[int]:
    sql = f"SELECT t.sequence FROM json_each(?) AS w CROSS JOIN {table} AS t ON t.sequence = w.value"
    found: set[int] = set()
    for start in range(0, len(sequences), MANY):
        some = sequences[start : start + MANY]
        found |= {int(sequence or 0) for (sequence,) in reader.query(sql, (json.dumps(some),)).rows}
    return found
