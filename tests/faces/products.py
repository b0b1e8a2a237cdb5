"""A routing product that was used for a while, as `autotroph init` declares it."""

from pathlib import Path

import autotroph
from autotroph.clock import ReplayClock
from autotroph.faces.library import Product
from autotroph.records import Stage
from autotroph.spec import template
from autotroph.spec.policies import First, Uniform

START = 1_700_000_000.0
DAY = 86_400.0


def opened(folder: Path, at: float = START) -> Product:
    path = folder / "autotroph.toml"
    if not path.exists():
        path.write_text(declared(), encoding="utf-8")
    return autotroph.open(path, clock=ReplayClock("seven", at=at))


def declared() -> str:
    """What `init` declares, with a gate that lets everything in and a track that never has enough."""
    text = template("support").replace("[gate]", "[gate]\nmargin = 1.0")
    return text.replace("every = 200", "parameters = { examples = 100_000 }\nevery = 200")


def use(product: Product, users: range) -> None:
    """Each user asks once; every second one is helped."""
    for number in users:
        answer = product.decide("route", {"text": "lost my card", "plan": "free"}, user=f"u{number}")
        if number % 2:
            product.signal(answer.id, "resolved", True)


def used(folder: Path) -> None:
    """Four hundred decisions, two cycles, a candidate on the ladder, and one that waits for the gate."""
    with opened(folder) as product:
        use(product, range(200))
        product.clock.advance(START + DAY)
        product.cycle()
        product.propose("route", "cards first", policy=First())
        use(product, range(200, 400))
        product.clock.advance(START + 2 * DAY)
        product.cycle()
        product.propose("route", "any", policy=Uniform())


def replaced(folder: Path) -> tuple[str, str]:
    """As `used`, and then what is on the ladder serves, as after a promotion: the ids of both releases."""
    used(folder)
    with opened(folder, START + 3 * DAY) as product:
        standing = product.rooms.desks["route"].standing
        zero, first = standing.main, standing.open[0]
        product.rooms.append(_stage(first.stage, "serving", 1.0), _stage(zero.stage, "replaced", 0.0))
        return zero.release.id, first.release.id


def _stage(stage: Stage, name: str, share: float) -> Stage:
    import msgspec

    return msgspec.structs.replace(stage, sequence=0, epoch=stage.epoch + 1, name=name, share=share)
