"""Several values of one signal: which of them counts, as SQL.

Rows come as (key, v, at, id, user). `whole` takes all of the rows of a key, once; `running` says for every
moment what the rows up to it come to, so that a decision finds its own by one ASOF join, however many
decisions there are in a session.
"""

from autotroph.digest.engines.plan import Take


def whole(take: Take, rows: str, key: str) -> str:
    """(key, v): what all rows of a key come to.

    Args:
        take: the rule.
        rows: a query for them.
        key: the column that they belong together by.
    """
    if take == "votes":
        rows = f'SELECT {key}, {_WHOLE["last"]} FROM ({rows}) GROUP BY {key}, "user"'
    return f"SELECT {key}, {_WHOLE[take]} FROM ({rows}) GROUP BY {key}"


_WHOLE: dict[Take, str] = {
    "last": 'arg_max(v, ("at", id)) AS v',
    "first": 'arg_min(v, ("at", id)) AS v',
    "any": "max((v <> 0)::INT::DOUBLE) AS v",
    "mean": "favg(v) AS v",
    "votes": "favg(v) AS v",
}


def running(take: Take, rows: str) -> str:
    """(key, at, v): what the rows of a key come to from a moment on, until the next one."""
    if take == "first":
        return f'SELECT key, min("at") AS "at", {_WHOLE[take]} FROM ({rows}) GROUP BY key'
    if take != "last":
        rows = _STATES[take].format(rows=rows)
    return f'SELECT key, "at", arg_max(v, id) AS v FROM ({rows}) GROUP BY key, "at"'


_SO_FAR = 'OVER (PARTITION BY key ORDER BY "at", id)'
_STATES: dict[Take, str] = {
    "any": f'SELECT key, "at", id, max((v <> 0)::INT::DOUBLE) {_SO_FAR} AS v FROM ({{rows}})',
    "mean": f'SELECT key, "at", id, favg(v) {_SO_FAR} AS v FROM ({{rows}})',
    "votes": (
        f'SELECT key, "at", id, sum(v - coalesce(before, 0)) {_SO_FAR} / sum(fresh) {_SO_FAR} AS v FROM ('
        'SELECT key, "at", id, v, lag(v) OVER voter AS before, (lag(v) OVER voter IS NULL)::INT AS fresh'
        ' FROM ({rows}) WINDOW voter AS (PARTITION BY key, "user" ORDER BY "at", id))'
    ),
}
