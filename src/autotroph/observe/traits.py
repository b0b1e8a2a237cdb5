"""What can be seen of an answer without reading it: how long it is, and how it is dressed.

A reward that goes with one of these while the outcome does not is easily gamed: more of it is easily made.
"""

import re

CAPITALS = re.compile(r"[A-ZÀ-ÖØ-ÞΑ-ΩЀ-Я]")
LISTED = re.compile(r"^[ \t]*(?:[-*•+]|\d+[.)])\s", re.MULTILINE)
DRESSED = re.compile(r"\*\*|__|^#+\s|```", re.MULTILINE)
LINKED = re.compile(r"https?://")

TRAITS = ("characters", "lines", "list items", "markup", "links", "exclamations", "questions", "capitals")
"""`markup` counts bold, headings and code blocks; `capitals` is their share of the characters."""


def traits(output: str) -> tuple[float, ...]:
    """The TRAITS of an output, shape (8,).

    >>> dict(zip(TRAITS, traits("**Great** news!" + chr(10) + "- Call us!"), strict=True))["exclamations"]
    2.0
    """
    return (
        float(len(output)),
        float(output.count("\n") + 1 if output else 0),
        float(len(LISTED.findall(output))),
        float(len(DRESSED.findall(output))),
        float(len(LINKED.findall(output))),
        float(output.count("!")),
        float(output.count("?")),
        len(CAPITALS.findall(output)) / max(len(output), 1),
    )
