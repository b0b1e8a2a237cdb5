"""Several values of one signal: which of them counts, as SQL.

Rows come as (key, v, at, id, user, learns). `whole` takes all of the rows of a key, once; `running` says
for every moment what the rows up to it come to, so that a decision finds its own by one ASOF join however
long the session is.
"""

from autotroph.digest.engines.measures import Take

_ORDER = '("at", id)'


def whole(take: Take, rows: str, key: str) -> str:
    """(key, v, agreed): what all rows of a key come to.

    Args:
        take: the rule.
        rows: a query for them.
        key: the column that they belong together by.
    """
    if take == "votes":
        rows = (
            f'SELECT {key}, arg_max(v, {_ORDER}) AS v, arg_max(learns, {_ORDER}) AS learns FROM ({rows})'
            f' GROUP BY {key}, "user"'
        )
    return f"SELECT {key}, {_WHOLE[take]} FROM ({rows}) GROUP BY {key}"


_LAST = f"arg_max(v, {_ORDER}) AS v, arg_max(learns, {_ORDER}) AS agreed"
_MEAN = "avg(v) AS v, bool_and(learns) AS agreed"
_WHOLE: dict[Take, str] = {
    "last": _LAST,
    "first": _LAST.replace("arg_max", "arg_min"),
    "any": "max(v) AS v, bool_and(learns) AS agreed",
    "mean": _MEAN,
    "votes": _MEAN,
}


def running(take: Take, rows: str) -> str:
    """(key, at, v, agreed): what the rows of a key come to from a moment on, until the next one."""
    if take == "first":
        return f'SELECT key, min("at") AS "at", {_WHOLE[take]} FROM ({rows}) GROUP BY key'
    if take != "last":
        rows = _STATES[take].format(rows=rows)
    return (
        'SELECT key, "at", arg_max(v, id) AS v, arg_max(learns, id) AS agreed'
        f' FROM ({rows}) GROUP BY key, "at"'
    )


_SO_FAR = 'OVER (PARTITION BY key ORDER BY "at", id)'
_STATES: dict[Take, str] = {
    "any": f'SELECT key, "at", id, max(v) {_SO_FAR} AS v, bool_and(learns) {_SO_FAR} AS learns FROM ({{rows}})',
    "mean": f'SELECT key, "at", id, avg(v) {_SO_FAR} AS v, bool_and(learns) {_SO_FAR} AS learns FROM ({{rows}})',
    "votes": (
        f'SELECT key, "at", id, sum(v - coalesce(before, 0)) {_SO_FAR} / sum(fresh) {_SO_FAR} AS v,'
        f" sum(against - unless) {_SO_FAR} = 0 AS learns FROM ("
        'SELECT key, "at", id, v, (NOT learns)::INT AS against,'
        ' lag(v) OVER voter AS before, (lag(v) OVER voter IS NULL)::INT AS fresh,'
        " coalesce(lag((NOT learns)::INT) OVER voter, 0) AS unless"
        ' FROM ({rows}) WINDOW voter AS (PARTITION BY key, "user" ORDER BY "at", id))'
    ),
}
