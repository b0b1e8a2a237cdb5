"""The manifest of what may be learned from: its columns come a stretch at a time, and are hashed here."""

import hashlib
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from autotroph.digest.engines.plan import Plan
from autotroph.digest.engines.results import Block, Manifest
from autotroph.digest.engines.run import BLOCK

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

STRETCH = 2**12
"""Sequences that come in one row; as many of them make a block as fit."""
_COLUMNS = ("sequence", "mark", "value")
_TYPES = ("<i8", ">i8", "<f8")
"""As a block is hashed. A mark is the last eight bytes of an MD5, which Spark reads as a number from the
left: from the left it is written again."""


def manifest_of(session: "SparkSession", plan: Plan) -> Manifest:
    """The decisions that may be learned from, with what their reward came to.

    Args:
        session: has the table `valued`.
        plan: of the task.
    """
    reward = plan.measures[0]
    stretches = session.sql(_stretches()).toLocalIterator()
    grouped = groupby(stretches, key=lambda row: row.stretch // (BLOCK // STRETCH))
    blocks = tuple(_block(list(rows)) for _, rows in grouped)
    rows = sum(one.rows for one in blocks)
    return Manifest(task=plan.task, measure=reward.name, version=reward.version, rows=rows, blocks=blocks)


def _stretches() -> str:
    mark = "CAST(conv(substr(md5(id), 17), 16, -10) AS BIGINT)"
    columns = ", ".join(f"transform(kept, one -> one.{name}) AS {name}" for name in _COLUMNS)
    return (
        f"SELECT stretch, {columns} FROM (SELECT sequence DIV {STRETCH} AS stretch,"
        f" array_sort(collect_list(struct(sequence, {mark} AS mark, v0 AS value))) AS kept"
        f" FROM valued WHERE learned AND f0 AND v0 IS NOT NULL GROUP BY 1) ORDER BY stretch"
    )


def _block(rows: list[Any]) -> Block:
    hasher = hashlib.sha256()
    for name, type_ in zip(_COLUMNS, _TYPES, strict=True):
        for row in rows:
            hasher.update(np.asarray(row[name], type_).tobytes())
    count = sum(len(row.sequence) for row in rows)
    return Block(rows[0].sequence[0], rows[-1].sequence[-1], count, hasher.hexdigest())
