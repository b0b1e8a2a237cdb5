"""A plan as the command shows it: what each step would do, with the values before and after side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autotroph.faces.terminal.screen import QUIET, bare, inset

if TYPE_CHECKING:
    from autotroph.plan.explaining import Effect
    from autotroph.plan.foreseeing import Foreseen
    from autotroph.plan.ranks import Place, Ranked
    from autotroph.plan.steps import Demand, Explore, Plan, Propose
    from autotroph.plan.verdicts import Retried

WIDTH = 22
EIGHTHS = " ▏▎▍▌▋▊▉█"


def screen(plan: Plan, effects: Sequence[Effect], foreseen: Sequence[Foreseen] = ()) -> RenderableType:
    """The whole plan."""
    if not plan.steps:
        said = "nothing to do: the history was valued by what is declared"
        return Text(said if plan.opened else "nothing to do: the product was never opened", "green")
    parts: list[RenderableType] = []
    for effect in effects:
        parts += [*_effect(effect), Text("")]
    parts += (
        Text.assemble(("refuse ", "bold red"), f"{one.name}, at {one.stage} of task {one.task}: ",
                      ("its evidence was weighed by what has changed", QUIET))
        for one in plan.dismissed
    )  # fmt: skip
    parts += (_demand(step) for step in plan.demanded)
    parts += (_explore(step) for step in plan.explored)
    for step in plan.proposed:
        parts += _proposal(step, foreseen)
    for one in plan.noted:
        digests = f"  {_short(one.before)} → {_short(one.after)}"
        parts.append(Text.assemble(("by itself ", "bold"), one.part, (digests, QUIET)))
    return Group(*parts)


def _demand(step: Demand) -> RenderableType:
    return Text.assemble(
        ("hold to ", "bold cyan"), f"what is declared now ({', '.join(step.parts)}) the candidates of task"
        f" {step.task}: those that are under way begin again",
    )  # fmt: skip


def _explore(step: Explore) -> RenderableType:
    return Text.assemble(
        ("explore ", "bold yellow"), f"{step.was:.1%} → {step.share:.1%} of the decisions: ",
        ("nothing proves what is random; `autotroph status` shows what it costs", QUIET),
    )  # fmt: skip


def _proposal(step: Propose, foreseen: Sequence[Foreseen]) -> Iterator[RenderableType]:
    yield Text.assemble(
        ("propose ", "bold cyan"), (step.name, "bold"), f", for task {step.task}: ",
        (f"{', '.join(step.differs)} as declared now", QUIET),
    )  # fmt: skip
    for one in (one for one in foreseen if one.task == step.task):
        for line in expected(one):
            yield inset(Text(line))


def expected(one: Foreseen) -> Iterator[str]:
    """What proposing something would mean, a thought a line."""
    yield (
        f"it concerns {one.users:,} users and {one.decisions:,} decisions a month, {one.share:.0%} of all; at"
        f" first {one.first:.0%} of the users meet it, after the gate"
    )
    yield f"better would have to be proven at α {one.alpha:.4f}"
    if one.mean is None or one.low is None or one.high is None:
        yield f"what it would earn cannot be told from the log: {one.why}"
    else:
        yield (
            f"by the log it would earn {one.mean:+.4f} [{one.low:+.4f}, {one.high:+.4f}] reward more a"
            f" decision, off-policy, by {one.units:,} users"
        )


def summary(effect: Effect) -> Iterator[str]:
    """What a valuing would do, a thought a line."""
    moved = effect.moved
    for name, count in (("before", moved.before), ("after", moved.after)):
        mean = "no value is known" if count.mean is None else f"mean {count.mean:.4f}"
        yield (
            f"{name}: {count.final:,} final of {moved.answers:,} answers, {count.unknown:,} unknown,"
            f" {count.clipped:,} clipped; {mean}"
        )
    yield f"{moved.other:,} of those that are known before and after have another value"
    for ranking in effect.ranks:
        if ranking.moved:
            yield f"{ranking.by}s that change places: {', '.join(ranking.moved)}"
        else:
            yield f"no {ranking.by} changes places"
    if effect.change.kind == "reward":
        yield _signs(effect)
        yield _verdicts(effect)


def said(one: Retried) -> str:
    """A verdict of the past, weighed again, in a line."""
    was = f"{one.candidate}: {one.finding} by the {one.judge}"
    if one.answer == "cannot be told":
        return f"{was}; cannot be told: {one.why}"
    if one.answer == "same":
        return f"{was}, again: {one.why}"
    return f"{was}, would be {one.again}: {one.why}"


def interval(one: Place) -> str:
    """A mean with its interval."""
    if one.mean is None:
        return "unknown"
    ends = ", ".join("∞" if end is None else f"{end:+.4f}" for end in (one.low, one.high))
    return f"{one.mean:+.4f} [{ends}]"


def _effect(effect: Effect) -> Iterator[RenderableType]:
    change = effect.change
    yield Text.assemble(
        ("value again ", "bold cyan"), (change.name, "bold"), f", {change.kind} of task {change.task}  ",
        (f"{_short(change.before)} → {_short(change.version)}", QUIET),
    )  # fmt: skip
    for one in effect.differs:
        yield inset(Text.assemble((f"{one.field}  ", QUIET), f"{one.before or '–'} → {one.after or '–'}"))
    for line in summary(effect):
        yield inset(Text(line))
    for verdict in effect.overturned:
        yield inset(Text(f"! {said(verdict)}", "yellow"))
    if effect.moved.bins:
        yield inset(_histogram(effect))
    for ranking in effect.ranks:
        if len(ranking.after) > 1:
            yield inset(_ranking(ranking))


def _signs(effect: Effect) -> str:
    signs = effect.signs
    if signs is None:
        return "whose sign turns cannot be told: no two releases have values on the same decisions"
    return f"the difference to release 0 turns its sign for {signs.turned:,} of {signs.units:,} units"


def _verdicts(effect: Effect) -> str:
    untold = sum(one.answer == "cannot be told" for one in effect.verdicts)
    return (
        f"{len(effect.overturned)} of {len(effect.verdicts)} verdicts of the past would be others;"
        f" of {untold} it cannot be told"
    )


def _histogram(effect: Effect) -> Table:
    """Two bars a line, each as long as its share of the largest."""
    bins = effect.moved.bins
    most = max(1, *(max(one.before, one.after) for one in bins))
    rows = Table.grid(padding=(0, 1))
    for justify in ("right", "left", "right", "left", "right"):
        rows.add_column(justify=justify, no_wrap=True)
    rows.add_row(Text("from", QUIET), Text("before", QUIET), "", Text("after", QUIET), "")
    for one in bins:
        before, after = _bar(one.before / most), _bar(one.after / most)
        rows.add_row(
            Text(f"{one.low:.3g}", QUIET), Text(before.ljust(WIDTH), "blue"), f"{one.before:,}",
            Text(after.ljust(WIDTH), "green"), f"{one.after:,}",
        )  # fmt: skip
    return rows


def _bar(share: float) -> str:
    eighths = round(share * WIDTH * 8)
    if share > 0:
        eighths = max(eighths, 1)
    return "█" * (eighths // 8) + EIGHTHS[eighths % 8].strip()


def _ranking(ranking: Ranked) -> Table:
    rows = bare()
    for name in (ranking.by, "place", "before", "after"):
        rows.add_column(name)
    for old, new in zip(ranking.before, ranking.after, strict=True):
        place = f"{old.place or '–'} → {new.place or '–'}"
        moved = "yellow" if old.place != new.place else ""
        rows.add_row(Text(new.name), Text(place, moved), interval(old), interval(new))
    return rows


def _short(digest: str) -> str:
    return digest[:8] or "none"
