"""What the signals find in made-up conversations, held against what is known of them.

`PYTHONPATH=tests .venv/bin/python -m ingest.judging` prints the table of docs/reference/traffic.md.
"""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple, get_args

from autotroph.ingest.traffic.finding import noted
from autotroph.ingest.traffic.turns import Turn, hear
from autotroph.spec.traffic import WAITS, Traffic
from ingest.talking import Talk, talks

TUNED, HELD_OUT = 0, 1
COUNT = 750


class Figure(NamedTuple):
    """How right a signal is.

    Attributes:
        true: answers of which it is true.
        found: answers of which it was found.
        right: answers of which both are so.
    """

    true: int
    found: int
    right: int

    @property
    def precision(self) -> float:
        return self.right / max(self.found, 1)

    @property
    def recall(self) -> float:
        return self.right / max(self.true, 1)


def turns_of(talk: Talk) -> list[Turn]:
    return [
        Turn(
            decision=str(place), chain="c", user="u", at=said.at, answered=said.answered,
            heard=hear(said.messages),
            request=said.request, output=said.output, finish=said.finish, error=said.error,
        )
        for place, said in enumerate(talk.calls)
    ]  # fmt: skip


def found_in(talk: Talk) -> set[tuple[int, str]]:
    turns = turns_of(talk)
    return {
        (int(one.decision), kind) for kind in get_args(Traffic) for one in noted(kind, turns, WAITS[kind])
    }


def figures(half: int, count: int = COUNT) -> dict[str, Figure]:
    true, found, right = Counter[str](), Counter[str](), Counter[str]()
    for talk in talks(half, count):
        mine = found_in(talk)
        true.update(kind for _, kind in talk.labels)
        found.update(kind for _, kind in mine)
        right.update(kind for _, kind in mine & talk.labels)
    return {kind: Figure(true[kind], found[kind], right[kind]) for kind in get_args(Traffic)}


def mistakes(half: int, count: int = COUNT) -> Iterator[str]:
    for talk in talks(half, count):
        for place, kind in sorted(found_in(talk) ^ talk.labels):
            what = "missed" if (place, kind) in talk.labels else "wrong"
            said = talk.calls[place]
            after = talk.calls[place + 1].messages[-1] if place + 1 < len(talk.calls) else "-"
            yield f"{what} {kind} in {talk.kind}: {said.messages[-1]} -> {said.output!r} -> {after}"


def main(arguments: Sequence[str]) -> None:
    half = TUNED if "--tuned" in arguments else HELD_OUT
    write = sys.stdout.write
    if "--mistakes" in arguments:
        write("\n".join(mistakes(half)) + "\n")
    write("| signal | true | found | precision | recall |\n|---|---|---|---|---|\n")
    for kind, one in figures(half).items():
        write(f"| {kind} | {one.true} | {one.found} | {one.precision:.3f} | {one.recall:.3f} |\n")


if __name__ == "__main__":
    main(sys.argv[1:])
