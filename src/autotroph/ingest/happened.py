"""What happened in some sessions, as SQL: the relation `moments` that signals nobody sends are found in.

Parameters: `:sessions`, a JSON list of them, and `:through`, the sequence up to which rows are read;
`:implicit`, a JSON list of the signals that are found so, which are no moments themselves.
"""

from autotroph.records import IMPROVE

_SESSION = "iif({0}.session = '', {0}.id, {0}.session)"
"""A decision without a session is a session of its own."""

_FREE = f"""{{0}}.learn AND ({{0}}.purposes = '["{IMPROVE}"]'
  OR EXISTS (SELECT 1 FROM json_each({{0}}.purposes) AS p WHERE p.value = '{IMPROVE}'))"""

_TOLD = "s.sequence <= :through AND s.name NOT IN (SELECT value FROM json_each(:implicit))"

_KEPT = """d.sequence, d.id, d.task, d.option, d.at, d.user, d.verified, d.fold, d.purposes, d.learn,
         d.region, d.retention"""

HAPPENED = f"""
WITH shown AS MATERIALIZED (
  SELECT {_KEPT}, d.session, d.session AS visit
  FROM json_each(:sessions) AS w CROSS JOIN decisions AS d ON d.session = w.value
  WHERE d.session <> '' AND d.served AND d.sequence <= :through
  UNION ALL
  SELECT {_KEPT}, '', d.id
  FROM json_each(:sessions) AS w CROSS JOIN decisions AS d ON d.id = w.value
  WHERE d.session = '' AND d.served AND d.sequence <= :through
), happened AS MATERIALIZED (
  SELECT visit, sequence, id AS decision, user, task, 'decision' AS kind, option AS name, at, id AS tie,
         NULL AS number, '' AS source, {_FREE.format("shown")} AS free
  FROM shown
  UNION ALL
  SELECT d.visit, s.sequence, d.id, iif(s.user = '', d.user, s.user), d.task, 'signal', s.name, s.at, s.id,
         s.value_number, s.source, {_FREE.format("s")}
  FROM shown AS d CROSS JOIN signals AS s ON s.subject = d.id WHERE s.about = 'decision' AND {_TOLD}
  UNION ALL
  SELECT s.subject, s.sequence, NULL, s.user, '', 'signal', s.name, s.at, s.id, s.value_number, s.source,
         {_FREE.format("s")}
  FROM json_each(:sessions) AS w CROSS JOIN signals AS s ON s.subject = w.value
  WHERE s.about = 'session' AND {_TOLD}
)"""

_ORDER = "h.at, h.kind, h.tie"

_COLUMNS = {
    "session": "h.visit",
    "user": "h.user",
    "task": "h.task",
    "decision": "h.decision",
    "kind": "h.kind",
    "name": "h.name",
    "value": "h.number",
    "text": "t.value_text",
    "inputs": "i.inputs",
    "output": "coalesce(o.output, iif(h.kind = 'decision', '', NULL))",
    "source": "h.source",
    "at": "h.at",
    "number": "row_number() OVER onwards",
    "before_at": "lag(h.at) OVER onwards",
    "next_at": "lead(h.at) OVER onwards",
    "next_decision_at": """min(iif(h.kind = 'decision', h.at, NULL)) OVER (
           PARTITION BY h.visit ORDER BY h.at DESC, h.kind DESC, h.tie DESC
           ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)""",
}
"""The columns of `moments`, and what each is made of."""

_JOINS = {
    "text": "LEFT JOIN signal_texts AS t ON h.kind = 'signal' AND t.sequence = h.sequence",
    "inputs": "LEFT JOIN decision_texts AS i ON h.kind = 'decision' AND i.sequence = h.sequence",
    "output": """LEFT JOIN completions AS f
    ON h.kind = 'decision' AND f.decision = h.decision AND f.sequence <= :through
  LEFT JOIN completion_texts AS o ON o.sequence = f.sequence""",
}
"""What is wide lies elsewhere, and is not fetched where it is not asked for."""

_YIELDED = ("value", "at", "user")
"""What `SELECT *` may yield without naming it."""


def moments_of(sql: str) -> str:
    """The relation `moments`, with NULL in the columns that are not named in the SQL that reads it.

    >>> "completions" in moments_of("SELECT decision, next_at - at AS value FROM moments")
    False
    >>> "completions" in moments_of('SELECT decision, length("Output") AS value FROM moments')
    True
    """
    asked = sql.casefold()
    named = {name for name in _COLUMNS if name in asked or name in _YIELDED or "natural" in asked}
    made = ", ".join(f"{of if name in named else 'NULL'} AS {name}" for name, of in _COLUMNS.items())
    joins = "\n  ".join(join for name, join in _JOINS.items() if name in named)
    # One window leaves its rows in its own order, and to sort them once more takes a third of the time.
    windowed = {name for name in named if "OVER onwards" in _COLUMNS[name]}
    in_order = windowed and "next_decision_at" not in named
    sorted_by = "" if in_order else f"ORDER BY h.visit, {_ORDER}"
    return f"""{HAPPENED}, moments AS MATERIALIZED (
  SELECT {made}
  FROM happened AS h
  {joins}
  WINDOW onwards AS (PARTITION BY h.visit ORDER BY {_ORDER})
  {sorted_by}
)"""


_STATE = f"""{HAPPENED}, state AS MATERIALIZED (
  SELECT visit, min(free) AS free, max(at) AS last FROM happened GROUP BY visit
)"""
_ABOUT = """d.user, d.verified, d.fold, d.purposes, d.learn, d.region, d.retention, x.free, x.last
FROM shown AS d JOIN state AS x ON x.visit = d.visit"""

STATE = {
    "decision": f"{_STATE} SELECT d.id, d.visit, {_ABOUT} ORDER BY d.sequence",
    "session": f"""{_STATE} SELECT d.visit, d.visit, {_ABOUT}
WHERE d.session <> '' AND d.sequence = (SELECT min(e.sequence) FROM shown AS e WHERE e.visit = d.visit)
ORDER BY d.sequence""",
}
"""What rows can be about, by the declared `about`: with the terms of it, and of its session."""

TOUCHED = f"""
SELECT {_SESSION.format("d")} FROM decisions AS d
WHERE d.sequence > :since AND d.sequence <= :through AND d.served
UNION SELECT {_SESSION.format("d")} FROM signals AS s CROSS JOIN decisions AS d ON d.id = s.subject
WHERE s.sequence > :since AND s.about = 'decision' AND d.served AND {_TOLD}
UNION SELECT {_SESSION.format("d")} FROM completions AS f CROSS JOIN decisions AS d ON d.id = f.decision
WHERE f.sequence > :since AND f.sequence <= :through AND d.served
UNION SELECT s.subject FROM signals AS s WHERE s.sequence > :since AND s.about = 'session' AND {_TOLD}"""

ACTIVE = f"""
SELECT {_SESSION.format("d")} FROM decisions AS d
WHERE d.at >= :after AND d.sequence <= :through AND d.served
UNION SELECT {_SESSION.format("d")} FROM signals AS s CROSS JOIN decisions AS d ON d.id = s.subject
WHERE s.at >= :after AND s.sequence <= :through AND s.about = 'decision' AND d.served
UNION SELECT s.subject FROM signals AS s
WHERE s.at >= :after AND s.sequence <= :through AND s.about = 'session'"""

SHARED = f"""
SELECT DISTINCT {_SESSION.format("d")}
FROM json_each(?) AS w CROSS JOIN decisions AS d ON d.sequence = w.value
WHERE d.served"""
"""The sessions of some decisions."""

KNOWN = """
SELECT s.subject, s.key, s.value_type, s.value_number, t.value_text, s.at, s.user, s.verified, s.fold,
       s.purposes, s.learn, s.region, s.retention
FROM json_each(:subjects) AS w CROSS JOIN signals AS s ON s.subject = w.value AND s.name = :name
LEFT JOIN signal_texts AS t ON t.sequence = s.sequence
WHERE s.about = :about AND s.source = 'system' AND s.sequence = (
  SELECT max(n.sequence) FROM signals AS n
  WHERE n.subject = w.value AND n.name = :name AND n.about = :about AND n.source = 'system')"""
