"""`autotroph releases`: what serves and what served, with the verdict that each came by or left with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from autotroph.errors import UnknownName
from autotroph.faces.cli import options
from autotroph.faces.cli.opening import declared, reader_of

if TYPE_CHECKING:
    from autotroph.store import Reader

_RELEASES = """
SELECT r.task, r.name, r.release, r.parent, r.stage, r.share, r.epoch, r.made,
       (SELECT min(s.at) FROM stages AS s WHERE s.release = r.release AND s.sequence >
           (SELECT coalesce(max(o.sequence), 0) FROM stages AS o
             WHERE o.release = r.release AND (o.name, o.share) <> (r.stage, r.share))) AS since,
       coalesce(v.finding, '') AS finding, coalesce(v.judge, '') AS judge, coalesce(v.reason, '') AS reason
FROM release_log AS r
LEFT JOIN verdicts AS v
  ON v.sequence = (SELECT max(sequence) FROM verdicts WHERE candidate = r.candidate AND r.candidate <> '')
WHERE :task IN ('', r.task) ORDER BY r.sequence
"""

_CANDIDATES = """
SELECT c.task, c.name, c.id AS candidate, c.track, c.at AS made,
       coalesce(v.finding, 'waiting') AS finding, coalesce(v.judge, '') AS judge,
       coalesce(v.reason, '') AS reason
FROM candidates AS c
LEFT JOIN verdicts AS v ON v.sequence = (SELECT max(sequence) FROM verdicts WHERE candidate = c.id)
WHERE :task IN ('', c.task) AND NOT EXISTS (SELECT 1 FROM releases WHERE candidate = c.id)
ORDER BY c.sequence
"""


@click.command(short_help="What serves, what served, and why.")
@click.argument("task", default="")
@options.config
@options.as_json
def releases(*, task: str, config: Path, as_json: bool) -> None:
    """Every release with its stage and newest verdict, and every candidate that became none.

    TASK is one of the declared tasks; all of them, if left out.
    """
    known = declared(config).tasks
    if task and task not in known:
        raise UnknownName("task", task, known)
    reader = reader_of(config)
    try:
        found = _found(reader, task)
    finally:
        reader.close()
    if as_json:
        options.emit(found)
    else:
        _show(found)


def _found(reader: Reader, task: str) -> dict[str, list[dict[str, Any]]]:
    parameters = {"task": task}
    return {
        "releases": [dict(row) for row in reader.query(_RELEASES, parameters).dicts()],
        "candidates": [dict(row) for row in reader.query(_CANDIDATES, parameters).dicts()],
    }


def _show(found: dict[str, list[dict[str, Any]]]) -> None:
    from autotroph.faces.terminal import screen

    screen.show(screen.releases(found["releases"], found["candidates"]))
