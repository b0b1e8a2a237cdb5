"""The stages on which people meet a candidate, and how a verdict moves it from one to the next; pure."""

from collections.abc import Sequence

from msgspec.structs import replace

from autotroph.records import Stage, Verdict


def advance(stage: Stage, verdict: Verdict, steps: Sequence[float]) -> Stage:
    """The stage that follows from a verdict; the same stage where it changes nothing.

    >>> shadow = Stage(task="t", release="r", epoch=1, name="shadow", share=0.0, policy="p", knowledge=0,
    ...                verdict="v0", at=0.0)
    >>> proven = Verdict(id="v1", task="t", candidate="c", judge="ladder", finding="advance", reason="",
    ...                  evidence={}, alpha=0.05, at=9.0)
    >>> after = advance(shadow, proven, steps=(0.1, 0.5, 1.0))
    >>> after.name, after.share, after.epoch
    ('canary', 0.1, 2)
    """
    match verdict.finding:
        case "advance":
            share = next_share(stage.share, steps)
            return _move(stage, verdict, "serving" if share >= 1.0 else "canary", share)
        case "promoted":
            return _move(stage, verdict, "serving", 1.0)
        case "refused" | "rolled back":
            return _move(stage, verdict, "withdrawn", 0.0)
        case "undecided" | "hold":
            return stage


def next_share(share: float, steps: Sequence[float]) -> float:
    """The first step above a share; everybody after the last."""
    return next((step for step in steps if step > share), 1.0)


def _move(stage: Stage, verdict: Verdict, name: str, share: float) -> Stage:
    return replace(
        stage, sequence=0, epoch=stage.epoch + 1, name=name, share=share, verdict=verdict.id, at=verdict.at
    )
