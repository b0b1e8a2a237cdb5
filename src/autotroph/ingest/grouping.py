"""Call sites that are one: their prompts differ only in something that no mask knows.

A city in small letters or a line that is there for some customers only gives each of them a site of its own.
Sites whose path, tools and schema are the same, and whose prompts have most of their words in the same
order, are one group: the idea of Drain (He et al. 2017), where the message seen most often leads a group,
with the share of words in common instead of a tree of words, because prompts are fewer than log lines.
"""

from collections import defaultdict
from collections.abc import Iterable

import msgspec
from rapidfuzz.distance import Indel

from autotroph.ingest.sites import Template

ALIKE = 0.75
"""Twice the words in common, in their order, over the words of both: from here on two prompts are one."""

GROUPS = 500
"""Groups of one path, tools and schema; what would be one more stays alone."""


class Seen(msgspec.Struct, frozen=True):
    """A call site by its name, and how many calls came from it."""

    template: Template
    calls: int
    site: str


class Group(msgspec.Struct, frozen=True):
    """Call sites that are one task.

    Attributes:
        template: of the site that calls most.
        sites: their names, the one that calls most first.
        calls: from all of them.
    """

    template: Template
    sites: tuple[str, ...]
    calls: int


def grouped(seen: Iterable[Seen]) -> list[Group]:
    """What belongs together, the group with the most calls first; the same whatever the order was."""
    kinds: dict[tuple[object, ...], list[list[Seen]]] = defaultdict(list)
    for one in sorted(seen, key=lambda one: (-one.calls, one.site)):
        groups = kinds[one.template.path, one.template.tools, one.template.schema]
        mine = next((group for group in groups[:GROUPS] if alike(group[0].template, one.template)), None)
        if mine is None:
            groups.append([one])
        else:
            mine.append(one)
    found = [_group(group) for groups in kinds.values() for group in groups]
    return sorted(found, key=lambda group: (-group.calls, group.sites))


def alike(one: Template, other: Template) -> bool:
    """Whether two prompts are one.

    >>> def said(text): return Template("/chat/completions", tuple(text.split()))
    >>> alike(said("you know every tram in bern by heart"), said("you know every tram in basel by heart"))
    True
    >>> alike(said("you know every tram in bern by heart"), said("you translate what people say into *"))
    False
    """
    if not one.words or not other.words:
        return one.words == other.words
    return Indel.normalized_similarity(one.words, other.words, score_cutoff=ALIKE) >= ALIKE


def _group(members: list[Seen]) -> Group:
    sites = tuple(dict.fromkeys(one.site for one in members))
    return Group(members[0].template, sites, sum(one.calls for one in members))
