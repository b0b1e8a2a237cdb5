"""What came through the gateway: how much was asked of whom, what it cost, how long it took, what failed.

Out of decisions and completions alone, in SQL, over a bounded window: so it takes the same time however long
the ledger is.
"""

import msgspec

from autotroph.records import IMPORTED
from autotroph.spec import Spec
from autotroph.store import Reader, SqlValue

NEWEST = 20_000
"""So many of the newest decisions are looked at."""

DAYS = 28
"""And no call that is older than this before the newest one."""

LINES = 30
"""Pairs of task and option that are told, those of the tasks with the most calls."""

TROUBLES = 8
"""Errors that are told, the most frequent."""

SITE = "site-" + "[0-9a-f]" * 10
"""What a call site is called, as a GLOB of SQL."""

CALLS = f"""
WITH looked AS MATERIALIZED (
  SELECT sequence, id, task, option, user, at, served, key FROM decisions
  ORDER BY sequence DESC LIMIT {NEWEST}
), asked AS MATERIALIZED (
  SELECT id, task, option, user, at FROM looked
  WHERE served = 1 AND substr(key, 1, {len(IMPORTED)}) <> '{IMPORTED}'
    AND (task GLOB '{SITE}' OR task IN (SELECT value FROM json_each(:tasks)))
), calls AS MATERIALIZED (
  SELECT a.task, a.option, a.user, a.at, c.sequence IS NULL AS pending, coalesce(c.error, '') AS error,
         c.tokens_in, c.tokens_out, c.cost_usd, c.latency_ms, c.first_token_ms
  FROM asked AS a LEFT JOIN completions AS c ON c.decision = a.id
  WHERE a.at > (SELECT max(at) FROM asked) - {DAYS} * 86400
)"""
"""The calls that are looked at. `:tasks` is JSON: the names of the tasks that are answered from outside."""

_SUMS = """count(*) AS calls, count(*) FILTER (WHERE error <> '') AS failed,
       avg(error <> '') AS failing, sum(pending) AS pending,
       coalesce(sum(tokens_in), 0) AS tokens_in, coalesce(sum(tokens_out), 0) AS tokens_out,
       iif(count(*) FILTER (WHERE cost_usd IS NOT NULL AND tokens_in + tokens_out > 0) = 0
           AND count(*) FILTER (WHERE NOT pending AND cost_usd IS NULL) > 0,
           NULL, coalesce(sum(cost_usd), 0.0)) AS cost_usd,
       count(*) FILTER (WHERE NOT pending AND cost_usd IS NULL) AS unpriced"""
"""What failed before anybody answered cost nothing, and by that alone no cost is known."""

WHOLE = f"""{CALLS}
SELECT {_SUMS}, count(DISTINCT nullif(user, '')) AS users, min(at) AS since, max(at) AS until,
       (SELECT count(*) FROM (SELECT DISTINCT task, option FROM calls)) AS pairs,
       count(DISTINCT task) FILTER (WHERE {{free}}) AS sites, count(*) FILTER (WHERE {{free}}) AS untasked,
       (SELECT coalesce(sum(details ->> 'decisions'), 0) FROM journal
         WHERE event = 'decisions unrecorded' AND at >= (SELECT min(at) FROM calls)) AS unrecorded
FROM calls""".format(free=f"task GLOB '{SITE}' AND task NOT IN (SELECT value FROM json_each(:sites))")
"""All of it in one row. `:sites` is JSON: the call sites that tasks declare as theirs."""


def ranked(by: str, of: str = "calls") -> str:
    """Parts of a query: the median and the 95th percentile (nearest rank) of each group.

    They are called `waits` (whole answers) and `firsts` (first tokens of those that streamed), with `by`,
    `p50` and `p95` in milliseconds; what failed does not count, because errors are fast.

    Args:
        by: names of columns, which make the groups.
        of: `calls`, or what was made of them.
    """
    names = (("waits", "latency_ms"), ("firsts", "first_token_ms"))
    return "".join(
        f""", {name} AS (
  SELECT {by}, max(ms) FILTER (WHERE place = (n * 50 + 99) / 100) AS p50,
         max(ms) FILTER (WHERE place = (n * 95 + 99) / 100) AS p95
  FROM (SELECT {by}, {column} AS ms, count(*) OVER (PARTITION BY {by}) AS n,
               row_number() OVER (PARTITION BY {by} ORDER BY {column}) AS place
        FROM {of} WHERE error = '' AND {column} IS NOT NULL) GROUP BY {by}
)"""
        for name, column in names
    )


PAIRS = f"""{CALLS}{ranked("task, option")}
SELECT s.*, f.p50 AS first_p50, f.p95 AS first_p95, w.p50 AS whole_p50, w.p95 AS whole_p95
FROM (SELECT task, option, sum(count(*)) OVER (PARTITION BY task) AS together, {_SUMS}
      FROM calls GROUP BY task, option) AS s
LEFT JOIN waits AS w ON w.task = s.task AND w.option = s.option
LEFT JOIN firsts AS f ON f.task = s.task AND f.option = s.option
ORDER BY together DESC, s.task, s.calls DESC, s.option LIMIT {LINES}"""
"""One row a task, or call site, and variant, or model that was asked for; those of one task together."""

FAILED = f"""{CALLS}
SELECT error, count(*) AS calls, max(at) AS last, replace(group_concat(DISTINCT option), ',', ', ') AS options
FROM calls WHERE error <> '' GROUP BY error ORDER BY count(*) DESC, error LIMIT {TROUBLES}"""
"""One row an error."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """What one option of a task, or one model at a call site, was asked.

    Attributes:
        task: or call site; `option`: variant, or model as it was asked for.
        calls: of which `failed` have an error (`failing` is their share) and `pending` have no end yet.
        tokens_in, tokens_out: of all that is known of, failed or not.
        cost_usd: of all but the `unpriced` calls, whose cost nobody knows; None where it is known of no
            answer.
        first_p50, first_p95: milliseconds to the first token of answers that streamed, median and 95th
            percentile; None where none did.
        whole_p50, whole_p95: milliseconds to the end of answers that did not fail.
    """

    task: str
    option: str
    calls: int
    failed: int
    failing: float
    pending: int
    tokens_in: int
    tokens_out: int
    cost_usd: float | None
    unpriced: int
    first_p50: float | None
    first_p95: float | None
    whole_p50: float | None
    whole_p95: float | None


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """An error: how often it came, when last, and whom it was about."""

    error: str
    calls: int
    last: float
    options: str


class Carried(msgspec.Struct, frozen=True, kw_only=True):
    """Calls that asked for a model, of the newest decisions.

    Attributes:
        calls, failed, failing, pending, tokens_in, tokens_out, cost_usd, unpriced: as of a line, of all.
        users: that are known by name.
        since, until: the first and the last of them; None where there are none.
        pairs: of task and option; the `lines` are those of the tasks with the most calls.
        sites: call sites that no task declares as its own; `untasked`: their calls.
        unrecorded: decisions of any task since then that the ledger did not take and the journal counts.
        troubles: the errors that came most.
    """

    calls: int = 0
    failed: int = 0
    failing: float = 0.0
    pending: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd: float | None = None
    unpriced: int = 0
    users: int = 0
    since: float | None = None
    until: float | None = None
    pairs: int = 0
    sites: int = 0
    untasked: int = 0
    unrecorded: int = 0
    lines: tuple[Line, ...] = ()
    troubles: tuple[Trouble, ...] = ()


def traffic(reader: Reader, spec: Spec) -> Carried:
    """What came through the gateway.

    Args:
        reader: of the ledger.
        spec: says which tasks are answered from outside, and which call sites are theirs.
    """
    given = asked(spec)
    whole = reader.query(WHOLE, given).dicts()[0]
    if not whole["calls"]:
        return Carried()
    tasks = {"tasks": given["tasks"]}
    lines, troubles = (reader.query(sql, tasks).dicts() for sql in (PAIRS, FAILED))
    return msgspec.convert({**whole, "lines": lines, "troubles": troubles}, Carried)


def asked(spec: Spec) -> dict[str, SqlValue]:
    """What the queries of this file take, by name."""
    outside = [name for name in spec.tasks if spec.outside(name)]
    return {
        name: msgspec.json.encode(said).decode()
        for name, said in (("tasks", outside), ("sites", list(spec.sites)))
    }
