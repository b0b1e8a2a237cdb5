"""What refits a release within its envelope, held to the frozen sets: no epoch does worse on them."""

from collections.abc import Mapping

from msgspec.structs import replace

from autotroph.deploy.desk import Desk
from autotroph.deploy.standing import Live
from autotroph.errors import InputError, SpecError
from autotroph.records import Artefact, Entry

REFUSED = "refit refused"
"""The event of a policy that does not come into force."""


def held(desk: Desk, refitted: Mapping[str, Artefact], now: float) -> tuple[dict[str, Artefact], list[Entry]]:
    """The policies that may come into force, and a line of the journal for each that may not.

    Args:
        desk: of the task, whose serving knows the policies already.
        refitted: by the release's id.
        now: seconds since the epoch.
    """
    lives = {live.release.id: live for live in desk.standing.everyone}
    faults = {release: _fault(desk, lives[release], one) for release, one in refitted.items()}
    kept = {release: one for release, one in refitted.items() if not faults[release]}
    told = [
        Entry(actor="gate", event=REFUSED, subject=release, details={"reason": why}, at=now)
        for release, why in faults.items()
        if why
    ]
    return kept, told


def _fault(desk: Desk, live: Live, policy: Artefact) -> str:
    after = Live(live.release, replace(live.stage, policy=policy.digest))
    try:
        return next((one.fault for one in desk.examined(after, live) if one.fault), "")
    except (SpecError, InputError) as error:
        return f"its evidence cannot be computed: {error}"
