"""Who is compared: three ways to complete, their colours, and their shares of the measured cursors."""

from autotroph.demo import scoreboard
from autotroph.faces.report.figures import Asked, Figures

TASK = "complete"

WHO = {  # key of the summary: colour, name, what it does
    "naive": ("naive", "naive", "always suggests the most probable rest of the line"),
    "holdback": (
        "zero",
        "release 0",
        "suggests above one confidence threshold, the best of the first part, frozen",
    ),
    "loop": ("loop", "the loop", "what was served while the product learned"),
}

COLOURS = {"naive": "var(--naive)", "release 0": "var(--zero)", "loop": "var(--loop)"}


def asked_shares(figures: Figures, who: str, since: Asked) -> Asked:
    """One contestant's shares, with the line that gives them."""
    what = f"shown, accepted and kept of {WHO[who][1]}, over the measured cursors"
    after = str(int(since.number("sequence")))
    return figures.ask(what, scoreboard.SHARES, since=after, who=scoreboard.WHO[who])
