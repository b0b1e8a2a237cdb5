"""Does the reward deserve to be chased, with pictures: one page a reward, by `autotroph rewards check`."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autotroph.faces.report.charts import Chart, quantitative
from autotroph.faces.report.charts import Spec as Picture
from autotroph.faces.report.html import EMPTY, Html, join, table, tag
from autotroph.faces.report.page import Section, write
from autotroph.observe.agreement import Trait
from autotroph.observe.audited import Audit
from autotroph.observe.deserving import Against, Deserving
from autotroph.observe.experiments import Experiment
from autotroph.stats.confidence import Interval
from autotroph.stats.surrogates import agreeing

SAID = {
    "deserves": "deserves to be chased",
    "does not": "does not deserve to be chased",
    "unknown": "unknown",
}

Z = 1.96
"""Whiskers of an effect are two standard errors to either side."""

PLANE = "var(--hair)"
OURS, THEIRS = "var(--loop)", "var(--zero)"


def write_deserving(found: Sequence[Deserving], path: Path) -> None:
    """Write one self-contained page about rewards.

    Raises:
        AutotrophError: the script that draws the pictures is not installed.
        InputError: the file cannot be written.
    """
    write(path, "Does the reward deserve to be chased?", [part for one in found for part in sections(one)])


def sections(found: Deserving, head: str = "h1") -> list[Section]:
    """Everything that is known about one reward; `head` is the heading that says which it is."""
    return [
        _opening(found, head),
        *(part for one in found.against for part in (_experiments(found, one), _agreement(found, one))),
        _audits(found),
    ]


def _opening(found: Deserving, head: str) -> Section:
    tone = {"deserves": "advance", "does not": "rolled-20-back", "unknown": "refused"}[found.finding]
    verdict = tag("span", SAID[found.finding], class_=f"finding {tone}")
    lead = tag("p", tag("b", found.reward), ": ", verdict, class_="lead")
    reasons = tag("ul", *(tag("li", reason) for reason in found.reasons))
    doubts = tag("ul", *(tag("li", doubt) for doubt in found.warnings), class_="quiet")
    warned = join(tag("h3", "What else to know"), doubts) if found.warnings else EMPTY
    heading = tag(head, f"task {found.task}, version {found.version[:12] or 'without values'}")
    return Section(
        id=_id(found, "top"),
        title="Does the reward deserve to be chased?",
        body=join(heading, lead, reasons, warned),
    )


# past experiments ----------------------------------------------------------------------------------------


def _experiments(found: Deserving, one: Against) -> Section:
    title = f"What moved {found.reward} and what it did to {one.outcome}"
    if not one.experiments:
        body = tag("p", "No experiment is over yet in which both are final for enough units.")
        return Section(id=_id(found, "past", one.outcome), title=title, body=body)
    line, same = one.worth.slope, one.worth.signs
    said = tag(
        "p",
        "Each point is one past candidate against its concurrent control. "
        f"Slope {_told(line, '+.3f')}; signs agree in {same.mean:.0%} of {same.n} "
        f"[{same.low:.0%}, {same.high:.0%}]. Noise that reward and outcome share, because they are measured "
        "on the same units, is taken out of both.",
    )
    chart = Chart(
        id=_id(found, "scatter", one.outcome),
        title="Past experiments",
        says=f"Across: change of {found.reward}. Up: change of {one.outcome}. Green points moved both the "
        "same way, noise aside. Whiskers are two standard errors; the band is the slope's interval.",
        spec=_scatter(found.reward, one),
    )
    heads = ("candidate", found.reward, one.outcome, "units", "left, once the reward is known")
    rows: list[list[object]] = [_row(each) for each in one.experiments]
    listed = tag("details", tag("summary", "Every experiment"), table(heads, rows, "dense"))
    return Section(
        id=_id(found, "past", one.outcome), title=title, body=join(said, chart.html, listed), charts=(chart,)
    )


def _row(one: Experiment) -> list[object]:
    effect = one.effect
    ours, theirs = math.sqrt(effect.reward_noise), math.sqrt(effect.outcome_noise)
    return [
        tag("bdi", one.name),
        _minus(f"{effect.reward:+.4f} ± {Z * ours:.4f}"),
        _minus(f"{effect.outcome:+.4f} ± {Z * theirs:.4f}"),
        f"{effect.units:,}",
        _told(one.given, "+.4f"),
    ]


def _scatter(reward: str, one: Against) -> Picture:
    same = agreeing([each.effect for each in one.experiments]).tolist()
    points = [_point(each, alike) for each, alike in zip(one.experiments, same, strict=True)]
    x = quantitative("x", f"change of {reward}", axis={"format": "+.2f", "tickCount": 6})
    y = quantitative("y", f"change of {one.outcome}", axis={"format": "+.2f", "tickCount": 6})
    colour = {
        "condition": {"test": "datum.alike", "value": "var(--good)"},
        "value": "var(--bad)",
    }
    tips = [
        {"field": "name", "type": "nominal", "title": "candidate"},
        *(
            {"field": field, "type": "quantitative", "format": "+.4f", "title": title}
            for field, title in (("x", reward), ("y", one.outcome))
        ),
        {"field": "units", "type": "quantitative", "title": "units"},
    ]
    whisker = {"type": "rule", "opacity": 0.35, "color": "var(--quiet)"}
    spots = {"type": "point", "filled": True, "size": 70, "opacity": 0.95}
    return {
        "height": 320,
        "width": "container",
        "data": {"values": points},
        "layer": [
            *_zeroes(),
            *_slope(one.worth.slope, points, x, y),
            {"mark": whisker, "encoding": {"x": {**x, "field": "left"}, "x2": {"field": "right"}, "y": y}},
            {"mark": whisker, "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}}},
            {"mark": spots, "encoding": {"x": x, "y": y, "color": colour, "tooltip": tips}},
        ],
    }


def _point(one: Experiment, alike: bool) -> dict[str, Any]:  # noqa: FBT001 - a column of the picture
    effect = one.effect
    ours, theirs = Z * math.sqrt(effect.reward_noise), Z * math.sqrt(effect.outcome_noise)
    return {
        "name": one.name,
        "alike": alike,
        "x": effect.reward,
        "y": effect.outcome,
        "left": effect.reward - ours,
        "right": effect.reward + ours,
        "low": effect.outcome - theirs,
        "high": effect.outcome + theirs,
        "units": effect.units,
    }


def _zeroes() -> list[Picture]:
    mark = {"type": "rule", "color": "var(--quiet)", "strokeDash": [5, 4], "strokeWidth": 1}
    nothing: Picture = {"values": [{}]}
    return [
        {"data": nothing, "mark": mark, "encoding": {axis: {"datum": 0, "type": "quantitative"}}}
        for axis in ("x", "y")
    ]


def _slope(line: Interval, points: list[dict[str, Any]], x: Picture, y: Picture) -> list[Picture]:
    """The line through the origin with its band; nothing where the slope is endless.

    A steep end of the band is cut where the whiskers end, or it would flatten the points.
    """
    if not math.isfinite(line.low + line.high + line.mean):
        return []
    reach = max(max(abs(one["left"]), abs(one["right"])) for one in points)
    tall = max(max(abs(one["low"]), abs(one["high"])) for one in points)
    steps = [reach * number / 20 for number in range(-20, 21)]
    values = [
        {
            "x": at,
            "y": line.mean * at if abs(line.mean * at) <= tall else None,
            "low": _within(min(line.low * at, line.high * at), tall),
            "high": _within(max(line.low * at, line.high * at), tall),
        }
        for at in steps
    ]
    band = {"type": "area", "opacity": 0.14, "color": THEIRS}
    drawn = {"type": "line", "strokeWidth": 2, "color": THEIRS}
    return [
        {
            "data": {"values": values},
            "layer": [
                {"mark": band, "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}}},
                {"mark": drawn, "encoding": {"x": x, "y": y}},
            ],
        }
    ]


def _within(value: float, reach: float) -> float:
    return min(max(value, -reach), reach)


# the same answers ----------------------------------------------------------------------------------------


def _agreement(found: Deserving, one: Against) -> Section:
    title = f"{found.reward} and {one.outcome} on the same answers"
    told = one.agreement
    if not told.correlation.n:
        body = tag("p", "No answer has a final value of both yet.")
        return Section(id=_id(found, "same", one.outcome), title=title, body=body)
    said = tag(
        "p",
        f"Correlation {_told(told.correlation, '+.2f')}, over {told.correlation.n:,} units. An answer with a "
        f"good outcome has the higher reward with a chance of {_told(told.area, '.2f')}; a coin has .5. "
        "Agreement alone proves nothing: what counts is what past experiments did.",
    )
    if not told.traits:
        return Section(id=_id(found, "same", one.outcome), title=title, body=said)
    chart = Chart(
        id=_id(found, "traits", one.outcome),
        title="What goes with how an answer is dressed",
        says=f"Correlation with each trait of the output: {found.reward} filled, {one.outcome} hollow, with "
        "intervals. A reward that goes with length or format more than the outcome does is easily gamed.",
        spec=_traits(found.reward, one.outcome, told.traits),
    )
    return Section(
        id=_id(found, "same", one.outcome), title=title, body=join(said, chart.html), charts=(chart,)
    )


def _traits(reward: str, outcome: str, traits: Sequence[Trait]) -> Picture:
    values: list[dict[str, Any]] = [
        {"trait": trait.name, "who": who, "value": each.mean, "low": each.low, "high": each.high}
        for trait in traits
        for who, each in ((reward, trait.reward), (outcome, trait.outcome))
        if math.isfinite(each.mean)
    ]
    names = [reward, outcome]
    who = {"field": "who", "type": "nominal", "sort": names, "legend": None}
    colour = {**who, "scale": {"domain": names, "range": [OURS, THEIRS]}}
    fill = {**who, "scale": {"domain": names, "range": [OURS, "transparent"]}}
    y = {
        "field": "trait", "type": "nominal", "title": None, "sort": None,
        "axis": {"ticks": False, "domain": False, "labelPadding": 8},
    }  # fmt: skip
    offset = {"field": "who", "type": "nominal", "sort": names}
    reach = max(0.2, *(max(abs(one["low"]), abs(one["high"])) for one in values)) if values else 0.2
    x = quantitative(
        "value",
        "correlation",
        scale={"domain": [-reach, reach], "nice": True},
        axis={"format": "+.2f", "tickCount": 5},
    )
    tips = [
        {"field": "who", "type": "nominal", "title": "of"},
        *(
            {"field": name, "type": "quantitative", "format": "+.3f", "title": said}
            for name, said in (("value", "correlation"), ("low", "lower end"), ("high", "upper end"))
        ),
    ]
    place = {"y": y, "yOffset": offset}
    whisker = {"type": "rule", "strokeWidth": 2, "opacity": 0.6}
    spot = {"type": "point", "size": 70, "strokeWidth": 2, "opacity": 1}
    return {
        "height": 34 * len({one["trait"] for one in values}),
        "width": "container",
        "data": {"values": values},
        "layer": [
            _zeroes()[0],
            {
                "mark": whisker,
                "encoding": {**place, "x": {**x, "field": "low"}, "x2": {"field": "high"}, "color": colour},
            },
            {"mark": spot, "encoding": {**place, "x": x, "color": colour, "fill": fill, "tooltip": tips}},
        ],
    }


# audited answers -----------------------------------------------------------------------------------------


def _audits(found: Deserving) -> Section:
    title = "What somebody who looked says"
    if not found.audits:
        body = tag(
            "p",
            "Nobody looked: there are no signals by annotators or judges about enough answers of the audit "
            "sample. It shows whether the reward rises while answers do not get better.",
        )
        return Section(id=_id(found, "audits"), title=title, body=join(body, _sample(found)))
    charts = tuple(_over_time(found, one) for one in found.audits if one.points)
    told = [_audit(one) for one in found.audits]
    body = join(*told, _sample(found), *(chart.html for chart in charts))
    return Section(id=_id(found, "audits"), title=title, body=body, charts=charts)


def _sample(found: Deserving) -> Html:
    waits, left = f"{len(found.sample.waiting):,}", f"{found.left_out:,}"
    outside = f" {left} judgements are about other decisions, and count for nothing here." * bool(
        found.left_out
    )
    command = tag("code", f"autotroph rewards sample {found.task}")
    said = f"Of the newest decisions of the sample {found.sample.judged:,} have a judgement, {waits} wait: "
    return tag("p", said, command, f" prints them.{outside}", class_="quiet")


def _audit(one: Audit) -> Html:
    if one.gaming.alarmed_at is not None:
        said = f"the reward rose against it, proven after {one.gaming.alarmed_at:,} units"
        alarm = tag("span", said, class_="finding rolled-20-back")
    else:
        alarm = tag("span", "it is not proven that the reward rose against it")
    mean = _told(one.mean, ".2f")
    return tag(
        "p", tag("b", one.signal), f", {one.units:,} units looked at: ", alarm,
        f". By it, everybody's answers are worth {mean} of 1 (prediction-powered).",
    )  # fmt: skip


def _over_time(found: Deserving, one: Audit) -> Chart:
    x = {
        "field": "x", "type": "temporal", "title": "time (UTC)", "scale": {"type": "utc"},
        "axis": {"tickCount": 5},
    }  # fmt: skip
    y = quantitative("value", "of its range", scale={"zero": False, "nice": True}, axis={"format": ".0%"})
    audited = [
        {
            "x": at.at * 1000,
            "value": at.audit.mean,
            "low": at.audit.low,
            "high": at.audit.high,
            "who": one.signal,
        }
        for at in one.points
    ]
    rewarded = [{"x": at.at * 1000, "value": at.reward, "who": found.reward} for at in one.points]
    tips = [
        {"field": "who", "type": "nominal", "title": "what"},
        {"field": "value", "type": "quantitative", "format": ".1%", "title": "mean"},
    ]
    spec = {
        "height": 230,
        "width": "container",
        "layer": [
            {
                "data": {"values": audited},
                "mark": {"type": "area", "opacity": 0.16, "color": THEIRS},
                "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
            },
            _line(audited, {"color": THEIRS, "strokeDash": [7, 3]}, x, y, tips),
            _line(rewarded, {"color": OURS}, x, y, tips),
        ],
    }  # fmt: skip
    return Chart(
        id=_id(found, "audit", one.signal),
        title=f"{found.reward} and {one.signal} over time",
        says=f"Solid: mean {found.reward} of everybody. Dashed: {one.signal} of everybody, as the audited "
        "sample says, with its interval. Both in their ranges. Lines that part: the reward is gamed.",
        spec=spec,
    )


def _line(
    values: list[dict[str, Any]], look: Picture, x: Picture, y: Picture, tips: list[Picture]
) -> Picture:
    point = {"filled": True, "size": 40, "color": look["color"]}
    mark = {"type": "line", "strokeWidth": 2.2, "point": point, **look}
    return {"data": {"values": values}, "mark": mark, "encoding": {"x": x, "y": y, "tooltip": tips}}


# words ---------------------------------------------------------------------------------------------------


def _told(interval: Interval, form: str) -> str:
    """A number with its interval, or that nothing is known."""
    if not math.isfinite(interval.mean):
        return "unknown"
    ends = f"[{_end(interval.low, form)}, {_end(interval.high, form)}]"
    return _minus(f"{interval.mean:{form}} {ends}")


def _end(value: float, form: str) -> str:
    return f"{value:{form}}" if math.isfinite(value) else "∞" if value > 0 else "-∞"


def _minus(text: str) -> str:
    return text.replace("-", "−")


def _id(found: Deserving, *what: str) -> str:
    return "-".join(part.encode().hex() for part in (found.task, found.reward, *what))
