"""How to run it again, and what to do for one's own product."""

from autotroph.demo.scoreboard import Summary
from autotroph.faces.report.html import join, tag
from autotroph.faces.report.page import Section

_WEB = """\
product = autotroph.open("autotroph.toml")
answer = product.decide("route", {"text": text}, user=user_id)  # do what answer.option says
product.signal(answer.id, "resolved", True)                     # when you know"""

_LLM = """\
product = autotroph.open("autotroph.toml")
answer = product.decide("model", {"prompt": prompt}, user=user_id)  # call the model answer.option
product.signal(answer.id, "helpful", thumb == "up")                 # when you know"""


def again(summary: Summary, rerun: str) -> Section:
    """The command, and the hash that says whether it came out the same."""
    body = join(
        tag("p", "The same input and the same seed give the same decisions, releases and verdicts."),
        tag("pre", tag("code", rerun)),
        tag(
            "p",
            "Trace, a hash over all of them without what was measured in time: ",
            tag("code", summary.trace, class_="hash"),
            class_="quiet",
        ),
    )
    return Section(id="again", title="Run it again", body=body)


def next_steps() -> Section:
    """Three lines for a web application, three for an LLM application."""
    body = join(
        tag(
            "p",
            "Write a declaration with ",
            tag("code", "autotroph init"),
            ": the task, the signal that comes back, and what it is worth. Then three lines in your product.",
        ),
        tag("h3", "A web application that chooses: a route, a layout, a recommendation"),
        tag("pre", tag("code", _WEB)),
        tag("h3", "An LLM application that chooses a model or a prompt"),
        tag("pre", tag("code", _LLM)),
        tag(
            "p",
            "Call ",
            tag("code", "product.cycle()"),
            " every hour or so: what proves better is promoted, what harms is rolled back. ",
            tag("code", "autotroph status"),
            " shows the five steps of the loop.",
            class_="quiet",
        ),
    )
    return Section(id="next", title="For your own product", body=body)
