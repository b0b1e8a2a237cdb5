"""Every candidate and its verdicts, the saboteurs among them."""

from autotroph.demo.report.contestants import TASK
from autotroph.faces.report.figures import Figures
from autotroph.faces.report.html import Html, join, tag
from autotroph.faces.report.page import Section
from autotroph.faces.report.sections import candidates, round_took

SABOTEURS = {"saboteur: copycat": "saboteur", "saboteur: peeker": "saboteur"}

_HARM = """
SELECT count(*) AS decisions, coalesce(sum(output <> ''), 0) AS shown FROM answers
WHERE task = 'complete' AND release_name = 'saboteur: peeker' AND served = 1"""

_FIRST_PROVEN = """
SELECT count(*) AS decisions FROM decisions
WHERE task = 'complete' AND served = 1 AND provenance = 'product'
  AND sequence < (SELECT min(sequence) FROM verdicts WHERE task = 'complete' AND finding = 'promoted')"""


def judged(figures: Figures) -> Section:
    """What was proposed, and what gate and ladder found."""
    said = tag(
        "p",
        "Two saboteurs were sent in on purpose. The copycat is worse wherever one looks: the gate is "
        "there to refuse "
        "it. The peeker reads the rest of the file, which a live cursor does not have: it shines "
        "offline, harms only "
        "when served, and the ladder is there to notice.",
    )
    body = join(said, _harm(figures), _proven(figures), candidates(figures, TASK, SABOTEURS))
    return Section(id="candidates", title="Every candidate and its verdicts", body=body)


def _harm(figures: Figures) -> Html:
    harm = figures.ask("decisions that the second saboteur served", _HARM)
    last = figures.ask(
        "the last word about the second saboteur",
        "SELECT finding FROM verdict_log WHERE candidate_name = 'saboteur: peeker' ORDER BY sequence "
        "DESC LIMIT 1",
    )
    ended = (
        "until it was "
        if last.rows and last.rows[0]["finding"] == "rolled back"
        else "; the last word about it: "
    )
    word = last.show("finding", "text") if last.rows else "none yet"
    return tag(
        "p",
        "The peeker served ",
        harm.show("decisions"),
        " decisions, and showed something in ",
        harm.show("shown"),
        " of them",
        " " if ended.startswith("until") else "",
        ended,
        word,
        ", by the program, not by a person.",
    )


def _proven(figures: Figures) -> Html:
    decisions = figures.ask("live decisions before the first promotion", _FIRST_PROVEN)
    took = round_took(figures, TASK)
    if took is None:
        return tag(
            "p", "No release was proven on this history: it is too short, or there was nothing to gain."
        )
    return tag(
        "p",
        "From the first signal to the first proven release the loop took ",
        took,
        " of replayed time and ",
        decisions.show("decisions"),
        " live decisions.",
    )
