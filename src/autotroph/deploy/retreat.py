"""A way back that is taken before the ledger says so: it may be full, stand still, or be read-only."""

import msgspec

from autotroph.deploy.board import Board
from autotroph.deploy.standing import Live, Standing
from autotroph.errors import InputError, UnknownName


class Rollback(msgspec.Struct, frozen=True, kw_only=True):
    """What serves from the next decision on.

    Attributes:
        task: of which.
        was: id of the release that served before.
        release, name: of the one that serves now.
        unrecorded: why the ledger does not have it yet; empty where it has. It is written down when the
            ledger takes rows again, and holds in this process until then.
    """

    task: str
    was: str
    release: str
    name: str
    unrecorded: str = ""


class Retreat(msgspec.Struct, frozen=True, kw_only=True):
    """A release that serves a task from the next decision on, whatever the ledger says.

    Attributes:
        to: the release, at the newest stage that it has in the ledger.
        by: who says so, `event` what it is, `details` what else there is to say: for the journal.
    """

    task: str
    to: Live
    by: str
    event: str
    details: dict[str, str] = {}


def target(board: Board, main: Live, to: str) -> Live:
    """A release that has served, by its id or name; without one, what another one replaced, or release 0.

    Args:
        board: of the task.
        main: what serves now.
        to: an id or a name; empty for what `main` replaced.

    Raises:
        UnknownName: no such release has served.
        InputError: several that have served are called so.
    """
    served = board.served()
    if not to:
        before = (live for live in served if live.release.id == main.release.parent)
        return next(before, served[0])
    named = [live for live in served if to in (live.release.id, live.release.name)]
    if not named:
        raise UnknownName("release that has served", to, [live.release.name for live in served])
    if len(named) > 1:
        ids = ", ".join(live.release.id for live in named)
        raise InputError(f"{len(named)} releases are named {to!r}; say which by its id: {ids}")
    return named[0]


def settled(standing: Standing, to: Live) -> bool:
    """Whether a release serves everybody already, with nothing on the ladder and no experiment."""
    return standing.main.release.id == to.release.id and not (standing.open or standing.experiments)


def retreated(standing: Standing, to: Live) -> Standing:
    """What stands instead: that release for everybody but the holdback; nobody meets a candidate or an arm.

    Whoever is in the holdback stays there, so that arms and their probabilities are what they were.
    """
    return msgspec.structs.replace(standing, main=to, parent=None, canary=None, shadows=(), experiments=())
