"""Several values of one signal: which of them counts. Rows are (key, v, at, id, user, learns)."""

from autotroph.digest.engines.plan import Take

WHOLE: dict[Take, str] = {
    "last": "max_by({v}, struct(`at`, id))",
    "first": "min_by({v}, struct(`at`, id))",
    "any": "max(CAST({v} <> 0 AS DOUBLE))",
    "mean": "avg({v})",
    "votes": "avg({v})",
}
"""What rows come to together; of votes, what the last one of each user comes to."""


def whole(take: Take, rows: str, key: str) -> str:
    """(key, v, agreed): what all rows of a key come to, and whether all of them may be learned from.

    Args:
        take: the rule.
        rows: a query for them.
        key: the columns that they belong together by.
    """
    if take == "votes":
        last = f"{WHOLE['last'].format(v='v')} AS v, bool_and(learns) AS learns"
        rows = f"SELECT {key}, {last} FROM ({rows}) GROUP BY {key}, `user`"
    found = f"{WHOLE[take].format(v='v')} AS v, bool_and(learns) AS agreed"
    return f"SELECT {key}, {found} FROM ({rows}) GROUP BY {key}"


STATES: dict[Take, str] = {
    "last": "last(v, true) OVER so_far",
    "first": "first(v, true) OVER so_far",
    "any": "max(CAST(v <> 0 AS DOUBLE)) OVER so_far",
    "mean": "avg(v) OVER so_far",
    "votes": "sum(more) OVER so_far / sum(fresh) OVER so_far",
}
"""What the rows of a key come to from each moment on; rows without a value change nothing."""


def voted(rows: str) -> str:
    """Rows with what each adds to the sum of all votes, and whether it is the first of its user."""
    return (
        "SELECT *, v - coalesce(before, 0) AS more, CAST(before IS NULL AS INT) AS fresh FROM"
        f" (SELECT *, lag(v) OVER (PARTITION BY key, `user` ORDER BY `at`, id) AS before FROM ({rows}))"
    )
