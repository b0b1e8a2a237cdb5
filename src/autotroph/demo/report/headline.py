"""What the loop was worth: the figure on top, and the table under it."""

from collections.abc import Sequence

from autotroph.demo import scoreboard
from autotroph.demo.report.contestants import WHO
from autotroph.faces.report.figures import UNKNOWN, Asked, Figures
from autotroph.faces.report.html import EMPTY, Html, join, table, tag
from autotroph.faces.report.page import Section


def headline(figures: Figures, found: dict[str, Asked], notes: Sequence[str]) -> Section:
    """The gain over release 0, what kind of evidence it is, and what was replayed."""
    gain = figures.ask("the gain in kept characters over release 0, clustered by commit", scoreboard.GAIN)
    big = tag(
        "p",
        "Kept characters ",
        gain.show("mean", "gain"),
        tag(
            "small",
            gain.interval("low", "high", "gain"),
            " against release 0, at an acceptance of ",
            found["loop"].show("accepted", "percent"),
            " against ",
            found["holdback"].show("accepted", "percent"),
        ),
        class_="headline proven" if gain.number("low") > 0 else "headline",
    )
    replayed = tag(
        "p",
        "This is full feedback from replay, not live users: the product was asked at ",
        _cursors(figures),
        " places where somebody really wrote code, and what they wrote next is known whatever was suggested.",
    )
    input_ = tag("ul", *(tag("li", note) for note in notes), class_="quiet") if notes else EMPTY
    said = tag("p", _verdict(gain), class_="lead")
    return Section(id="top", title="", body=join(tag("h1", "autotroph demo"), big, said, replayed, input_))


def _cursors(figures: Figures) -> Html:
    query = "SELECT count(*) AS cursors FROM decisions WHERE task = 'complete' AND served = 1"
    return figures.ask("places at which the product was asked, the first part included", query).show(
        "cursors"
    )


def _verdict(gain: Asked) -> str:
    low, high = gain.number("low"), gain.number("high")
    if not gain.rows or low == high == 0:
        return "The gain was not measured."
    if -low >= UNKNOWN or high >= UNKNOWN:
        return (
            "Undecided: the measured part has too few commits for an interval. A longer history would tell."
        )
    if low > 0:
        return "The loop is better than release 0: the whole interval lies above nothing gained."
    if high < 0:
        return "The loop is worse than release 0: the whole interval lies below nothing gained."
    return "Undecided: the interval holds both gain and loss. A longer history would tell."


def comparison(found: dict[str, Asked]) -> Section:
    """Naive, release 0 and the loop over the same cursors."""
    rows: list[list[object]] = [
        [
            join(tag("span", name, class_=f"who who-{colour}"), tag("br"), tag("small", says)),
            asked.show("shown", "percent"),
            asked.show("accepted", "percent"),
            asked.show("kept", "percent"),
            asked.show("cursors"),
        ]
        for (colour, name, says), asked in ((WHO[who], asked) for who, asked in found.items())
    ]
    heads = ("", "shown", "accepted, of those shown", "characters kept", "cursors")
    said = tag(
        "p",
        "All three answered the same cursors, the last 40 % of them, without those of the holdback. "
        "Accepted: the "
        "whole suggestion is how the person went on. Kept: accepted characters, of all that were "
        "left of the line.",
        class_="quiet",
    )
    return Section(
        id="comparison",
        title="Three ways to complete the same lines",
        body=join(said, table(heads, rows, "figures stack"), tag("p", _silence(found))),
    )


def _silence(found: dict[str, Asked]) -> Html:
    naive, loop = found["naive"], found["loop"]
    if naive.number("shown") <= loop.number("shown"):
        return join("The loop shows no less than “always suggest” here: it did not learn to be silent.")
    return join(
        "Most of the gain over “always suggest” is knowing when to be silent: it interrupts at ",
        naive.show("shown", "percent"),
        " of the cursors, the loop at ",
        loop.show("shown", "percent"),
        ". What the loop adds to a good static product is the difference to release 0.",
    )
