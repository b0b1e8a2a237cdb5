"""The support product after promotions: releases that served one after the other, and one on the ladder."""

from pathlib import Path

import autotroph
from autotroph.clock import ReplayClock
from autotroph.deploy.ladder import advance
from autotroph.deploy.releases import released, staged
from autotroph.faces.library import Product
from autotroph.records import Verdict
from autotroph.spec.policies import First, Uniform
from autotroph.store import Store
from support_product import OPTIONS, START, TOML

TWO = TOML.replace("[signals]", '[tasks.title]\nkind = "text"\nunit = "user"\nreward = "useful"\n[signals]')
"""Two tasks."""


def promote(product: Product, name: str, task: str = "reply", share: float = 1.0, suffix: str = "") -> str:
    """A candidate serves, as after a promotion, or is in front of a share of the people; its release."""
    policy = Uniform() if name.startswith("risky") else First()
    candidate = product.propose(task, name, policy=policy)
    desk, now = product.rooms.desks[task], product.clock.now()
    main = desk.standing.main
    passed = Verdict(
        id=f"verdict_{task}_{name}{suffix}",
        task=task,
        candidate=candidate.id,
        judge="gate",
        finding="advance",
        reason="",
        evidence={},
        alpha=0.01,
        at=now,
    )
    release = released(candidate, passed.id)
    stage = staged(release, "shadow", 0.0, desk.board.knowledge, now)
    product.rooms.append(passed, release, stage)
    if share < 1.0:
        product.rooms.append(advance(stage, passed, (share, 1.0)))
        return release.id
    promoted = Verdict(
        id=f"{passed.id}_p",
        task=task,
        candidate=candidate.id,
        judge="ladder",
        finding="promoted",
        reason="",
        evidence={},
        alpha=0.01,
        at=now,
    )
    from autotroph.deploy.desk import _replaced

    product.rooms.append(promoted, advance(stage, promoted, (1.0,)), _replaced(main, promoted.id, now))
    return release.id


def opened(folder: Path, declared: str = TOML, *, store: Store | None = None) -> Product:
    path = folder / "autotroph.toml"
    if not path.exists():
        path.write_text(declared, "utf-8")
    return autotroph.open(path, clock=ReplayClock("seven", at=START), store=store)


def answering(product: Product, task: str = "reply", users: int = 40) -> set[str]:
    """The names of the releases that answer so many people, but for those in the holdback or a control."""
    names = {live.release.id: live.release.name for live in product.rooms.desks[task].board.served()}
    names |= {live.release.id: live.release.name for live in product.rooms.desks[task].standing.open}
    made = [product.decide(task, {}, user=f"u{n}", options=OPTIONS).decision for n in range(users)]
    return {names[one.release] for one in made if one.arm in ("main", "candidate")}
