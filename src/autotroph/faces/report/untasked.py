"""Call sites that no task has yet, as `autotroph init --from-traffic` proposes them."""

from collections.abc import Sequence

from autotroph.faces.report.html import EMPTY, Html, join, table, tag
from autotroph.faces.report.page import Section
from autotroph.faces.sites import named
from autotroph.faces.terminal.evaluating import days
from autotroph.plan.drafting import Drafted, draft
from autotroph.plan.surveying import LEAST, Survey, survey
from autotroph.plan.surveying import NEWEST as SURVEYED
from autotroph.spec import Spec
from autotroph.store import Reader

NEWEST = 20_000
"""So many of the newest calls are looked at: nobody waits for a page as long as for a declaration."""

SITES = 3
"""Sites of one task that are named."""

_HEADS = ("call site", "calls", "asked by", "with a signal", "baseline", "first proof")
_LACKS = (
    "Where there is no baseline, no signal is true often enough yet to make a reward of: have the product"
    " send one, such as a thumb or an order that came about."
)


def untasked(reader: Reader, spec: Spec) -> list[Section]:
    """What could be a task; no section where every call has one.

    Args:
        reader: of the ledger.
        spec: says which call sites are of tasks.
    """
    found = survey(reader, newest=NEWEST)
    proposed = draft(found, spec.product).tasks if found.tasks else ()
    free = [one for one in proposed if not all(site in spec.sites for site in one.surveyed.sites)]
    if not found.calls or (proposed and not free):
        return []
    body = _proposed(found, free, declared=bool(spec.tasks)) if free else _too_few(found)
    return [Section(id="untasked", title="Call sites that could be tasks", body=body)]


def _proposed(found: Survey, free: Sequence[Drafted], *, declared: bool) -> Html:
    told = tag(
        "p",
        "Calls of these sites are recorded and passed on, and nothing is learned from them yet. ",
        *(_BESIDE if declared else _FIRST),
    )
    meant = tag(
        "p",
        "A signal is what calls say by themselves, such as an answer that was asked for again. The baseline"
        " is the mean of the reward, of 1, with its interval. The first proof is how long it would take at"
        " this traffic to prove a variant that is a little better. This was found in the newest"
        f" {found.calls:,} calls; the command looks at {SURVEYED:,}.{_left(found)}",
        class_="quiet",
    )
    lacks = tag("p", _LACKS, class_="quiet") if any(one.surveyed.baseline is None for one in free) else EMPTY
    return join(told, table(_HEADS, [_row(one) for one in free], "stack traffic"), lacks, meant)


_FIRST = (
    tag("code", "autotroph init --from-traffic"),
    " writes an ",
    tag("code", "autotroph.toml"),
    " with a task for each of them and a reward made of the signals that calls give by themselves; read it,"
    " and start ",
    tag("code", "autotroph serve"),
    " again without ",
    tag("code", "--upstream"),
    ".",
)
_BESIDE = (
    tag("code", "autotroph init --from-traffic proposed.toml"),
    " writes a file with a task for each of them and a reward made of the signals that calls give by"
    " themselves: take over what you want, or name a site among the ",
    tag("code", "sites"),
    " of a task that you have.",
)


def _left(found: Survey) -> str:
    rare = f" {found.rare:,} are of sites with fewer than {LEAST} calls." if found.rare else ""
    silent = f" {found.silent:,} are answered with no words, such as embeddings." if found.silent else ""
    return rare + silent


def _too_few(found: Survey) -> Html:
    were = "call was" if found.calls == 1 else "calls were"
    told = (
        f"{found.calls:,} {were} recorded, but of no call site the {LEAST} that it takes to propose a task."
        f"{_left(found)} Go on as now, and look again when more have come."
    )
    return tag("p", told)


def _row(one: Drafted) -> list[object]:
    seen = one.surveyed
    sites = " · ".join(seen.sites[:SITES]) + (" …" if len(seen.sites) > SITES else "")
    would = join("would be ", tag("code", one.name), f", answered by {one.model} · {sites}")
    who = "people" if seen.unit == "user" else "conversations"
    baseline: object = "–"
    if seen.baseline is not None:
        ends = tag("span", f"[{seen.baseline.low:.3f}, {seen.baseline.high:.3f}]", class_="interval")
        baseline = join(f"{seen.baseline.mean:.3f} ", ends)
    return [
        join(tag("b", named(seen.template), class_="text"), tag("small", would)),
        f"{seen.calls:,}",
        tag("span", f"{seen.units:,} {who}", class_="number"),
        f"{seen.covered * 100:.1f}\u202f%",
        baseline,
        "–" if one.effect is None else "years" if one.days is None else days(one.days),
    ]
