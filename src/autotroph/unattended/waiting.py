"""What a cycle would have to do, looked at so cheaply that it can be asked every second."""

from autotroph.rooms import Rooms
from autotroph.unattended.schedule import Waiting

_NEWS = """
SELECT EXISTS (SELECT 1 FROM decisions WHERE sequence > :through AND served)
    OR EXISTS (SELECT 1 FROM signals WHERE sequence > :through)
    OR EXISTS (SELECT 1 FROM candidates WHERE sequence > :through)
    OR EXISTS (SELECT 1 FROM verdicts WHERE sequence > :through AND judge = 'person')
    OR EXISTS (SELECT 1 FROM journal
                WHERE event IN ('thawed', 'reward waived', 'erased') AND sequence > :through)
"""
"""What others than the last cycle have written since; a candidate that it proposed waits for the gate."""

_RIPE = """
SELECT count(*) FROM (SELECT 1 FROM decisions
                       WHERE sequence > :through AND served AND task = :task AND at <= :before LIMIT :enough)
"""
"""Decisions that no cycle has seen, and whose horizon has passed already.

They are looked for where it has passed since the last cycle; what was imported with an older time can wait
until the next one is due.
"""


def waiting(rooms: Rooms, now: float, enough: int) -> Waiting:
    """Look at what waits; of the rewards that can be final no more than `enough` are counted."""
    through = rooms.last.through
    if not rooms.store.query(_NEWS, {"through": through}).rows[0][0]:
        return Waiting(ripe=_known(rooms, now, enough))
    ripe = _known(rooms, now, enough)
    for task in rooms.tasks:
        before = now - rooms.spec.reward_of(task)[1].horizon
        if before < rooms.last.at:
            continue
        given = {"through": through, "task": task, "before": before, "enough": max(0, enough - ripe)}
        ripe += int(rooms.store.query(_RIPE, given).rows[0][0])  # type: ignore[arg-type] # a count
    return Waiting(news=True, ripe=ripe)


def _known(rooms: Rooms, now: float, enough: int) -> int:
    rewards = {task: rooms.spec.task(task).reward for task in rooms.tasks}
    return rooms.joiner.ripe(now, rewards, enough)
