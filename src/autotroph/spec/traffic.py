"""What is declared of calls that name a model and not a task: which task those of a call site are of."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from autotroph.spec.namespaces import MARK
from autotroph.spec.shape import Fault

if TYPE_CHECKING:
    from autotroph.spec.declaration import Declaration

Traffic = Literal[
    "regenerate", "rephrase", "edit", "schema error", "tool error", "refusal", "truncation", "abandonment"
]
"""What calls say about an answer by themselves; docs/reference/traffic.md says when each is so."""

WAITS: dict[Traffic, float] = {
    "regenerate": 600.0,
    "rephrase": 600.0,
    "edit": 3600.0,
    "schema error": 0.0,
    "tool error": 600.0,
    "refusal": 0.0,
    "truncation": 0.0,
    "abandonment": 1800.0,
}
"""Seconds after an answer in which what comes next belongs to it, unless declared otherwise."""

SITE = re.compile(r"site-[0-9a-f]{10}", re.ASCII)
"""The name of a call site, as a call that no task is asked for in is recorded."""


def site_faults(spec: "Declaration") -> Iterator[Fault]:
    """Every fault of the call sites of a declaration."""
    seen: dict[str, str] = {}
    for name, task in spec.tasks.items():
        path = ("tasks", name, "sites")
        if MARK in name:  # as declared for the task whose namespace this is
            continue
        if task.sites and task.kind == "choice":
            yield Fault(path, 'calls of a call site are answered in words; "chat" and "text" are left')
        for site in task.sites:
            if not SITE.fullmatch(site):
                yield Fault(
                    path,
                    f'{site!r:.40}: expected names such as "site-5f0c2a77d1", as `autotroph '
                    "init --from-traffic` proposes them",
                )
            elif site in seen:
                yield Fault(path, f"{site} is a call site of tasks.{seen[site]}; each is of one task")
            seen.setdefault(site, name)
