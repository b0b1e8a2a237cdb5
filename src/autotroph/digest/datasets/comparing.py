"""What one manifest has and another has not."""

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from autotroph.digest.datasets.manifest import Manifest, Reference

Change = Literal["added", "removed", "reward", "split", "content"]

CHANGES: tuple[Change, ...] = ("added", "removed", "reward", "split", "content")


class Difference(msgspec.Struct, frozen=True):
    """One thing that is another in two manifests; an example can differ in several."""

    change: Change
    before: Reference | None
    after: Reference | None

    @property
    def decision(self) -> int:
        """The sequence of the decision that it is about."""
        one = self.after or self.before
        return one.decision if one else 0


class Differences(msgspec.Struct, frozen=True):
    """All of them, in ledger order; and what differs of recipe and basis, as (before, after) by name."""

    list: Sequence[Difference]
    asked: dict[str, tuple[object, object]]

    def counts(self) -> dict[str, int]:
        """How many of each."""
        return {change: sum(one.change == change for one in self.list) for change in CHANGES}


def compare(before: Manifest, after: Manifest) -> Differences:
    """What changed from one manifest to another: examples are the same if their decisions are."""
    old, new = ({one.key: one for one in manifest} for manifest in (before, after))
    keys = sorted(old.keys() | new.keys())
    found = [each for key in keys for each in _differences(old.get(key), new.get(key))]
    return Differences(found, dict(_asked(before, after)))


def _differences(old: Reference | None, new: Reference | None) -> Iterator[Difference]:
    if old is None or new is None:
        yield Difference("added" if old is None else "removed", old, new)
        return
    if (old.reward, old.against) != (new.reward, new.against):
        yield Difference("reward", old, new)
    if old.split != new.split:
        yield Difference("split", old, new)
    if old.content != new.content:
        yield Difference("content", old, new)


def _asked(before: Manifest, after: Manifest) -> Iterator[tuple[str, tuple[object, object]]]:
    old, new = (msgspec.to_builtins([one.recipe, one.basis]) for one in (before, after))
    for was, now in zip(old, new, strict=True):
        for name in was:
            if was[name] != now[name]:
                yield name, (was[name], now[name])
