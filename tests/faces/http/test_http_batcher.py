"""The batcher by itself: who waits with whom, and what becomes of those who wait too long."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from autotroph.errors import InputError, Overloaded
from autotroph.faces.http.batcher import Batcher


class Work:
    """Doubles numbers, when it is let."""

    def __init__(self) -> None:
        self.may, self.batches = threading.Event(), list[list[int]]()

    def __call__(self, numbers: Sequence[int]) -> list[int | Exception]:
        self.batches.append(list(numbers))
        assert self.may.wait(10)
        if 199 in numbers:
            raise RuntimeError("all of them")
        return [InputError("odd one") if number == 113 else 2 * number for number in numbers]


def batcher(work: Work, **limits: float) -> Batcher[int, int]:
    given = {"room": 100, "largest": 50, "patience": 10.0, **limits}
    return Batcher("test", work, **given)  # type: ignore[arg-type]


async def begun(work: Work) -> None:
    while not work.batches:
        await asyncio.sleep(0.001)


def test_who_comes_while_one_batch_is_done_is_the_next_batch() -> None:
    work = Work()

    async def main() -> list[int]:
        many = batcher(work)
        first = asyncio.create_task(many.put(0))
        await begun(work)
        rest = [asyncio.create_task(many.put(number)) for number in range(1, 80)]
        await asyncio.sleep(0)
        assert many.waiting == 79
        work.may.set()
        return await asyncio.gather(first, *rest)

    assert asyncio.run(main()) == [2 * number for number in range(80)]
    assert [len(one) for one in work.batches] == [1, 50, 29]


def test_each_has_its_own_outcome_and_a_broken_batch_is_everybodys() -> None:
    work = Work()
    work.may.set()

    async def main() -> list[object]:
        many = batcher(work)
        found = await asyncio.gather(*(many.put(number) for number in (1, 113, 2)), return_exceptions=True)
        broken = await asyncio.gather(many.put(199), many.put(3), return_exceptions=True)
        return [*found, *broken, await many.put(4)]

    one, odd, two, broken, other, four = asyncio.run(main())
    assert (one, two, four) == (2, 4, 8)
    assert isinstance(odd, InputError)
    assert isinstance(broken, RuntimeError)
    assert isinstance(other, RuntimeError)


def test_more_than_there_is_room_for_are_refused_at_once() -> None:
    work = Work()

    async def main() -> None:
        many = batcher(work, room=3)
        first = asyncio.create_task(many.put(0))
        await begun(work)
        rest = [asyncio.create_task(many.put(number)) for number in range(1, 4)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded, match="3 wait already"):
            await many.put(4)
        work.may.set()
        assert await asyncio.gather(first, *rest) == [0, 2, 4, 6]

    asyncio.run(main())
    assert [4] not in work.batches


def test_who_waits_too_long_is_told_and_not_done_for_nothing() -> None:
    work = Work()

    async def main() -> None:
        many = batcher(work, patience=0.05)
        first = asyncio.create_task(many.put(0))
        await begun(work)
        with pytest.raises(Overloaded, match="may still be"):
            await many.put(1)
        with pytest.raises(Overloaded):
            await first
        work.may.set()
        assert await many.put(2) == 4

    asyncio.run(main())
    assert work.batches == [[0], [2]]
