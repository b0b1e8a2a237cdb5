"""What a call site is called where people read it: by the first words of what its calls are asked with."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a status is shown without it where nothing was asked
    from autotroph.ingest.sites import Template
    from autotroph.store import Reader

WORDS = 9
"""Words of a prompt that are enough to know it again."""


def named(template: "Template") -> str:
    """A template in a few words.

    >>> from autotroph.ingest.sites import Template
    >>> named(Template("/chat/completions", ("you", "help", "*", "today")))
    'you help … today'
    >>> named(Template("/responses", tools=("look_up", "refund"))), named(Template("/embeddings"))
    ('tools: look_up, refund', 'no prompt, /embeddings')
    """
    from autotroph.ingest.sites import MASK

    words = " ".join(template.words[:WORDS]).replace(MASK, "…")
    if words:
        return words if len(template.words) <= WORDS else f"{words} …"
    if template.schema and template.schema[0]:
        return f"answers as {template.schema[0]}"
    if template.tools:
        return f"tools: {', '.join(template.tools)}"
    return f"no prompt, {template.path or 'path unknown'}"


def names(reader: "Reader", tasks: Iterable[str]) -> Mapping[str, str]:
    """What the call sites among tasks are called.

    Args:
        reader: of the ledger.
        tasks: names, of tasks or of call sites.
    """
    from autotroph.plan.surveying import templates
    from autotroph.spec.traffic import SITE

    sites = [task for task in dict.fromkeys(tasks) if SITE.fullmatch(task)]
    return {site: named(template) for site, template in templates(reader, sites)} if sites else {}
