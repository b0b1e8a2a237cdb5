"""The SQL of a signal that nobody sends: tried when the declaration is read, and refused in words."""

import pytest

from autotroph.errors import SpecError
from autotroph.spec import parse

GOOD = "SELECT decision AS subject, next_at - at AS value, at FROM moments"


def declared(sql, more=""):
    return parse(f"[product]\nname = 'p'\n[signals.s]\ntype = 'number'\nsql = '''{sql}'''\n{more}")


@pytest.mark.parametrize(
    "sql",
    [
        GOOD,
        f"{GOOD};",
        f"{GOOD} -- that is all",
        "SELECT session AS subject, count(*) AS value, max(at) AS at, user FROM moments GROUP BY session",
        "WITH m AS (SELECT decision, at, lag(at) OVER (ORDER BY at) AS value FROM moments WHERE number > 1)"
        " SELECT decision AS subject, m.value AS value, at FROM m",
        "SELECT m.decision AS subject, j.value AS value, at FROM moments AS m, json_each(m.inputs) AS j",
    ],
)
def test_a_select_over_moments_is_taken(sql):
    assert declared(sql).signals["s"].sql == sql


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("SELECT id AS subject, 1 AS value, at FROM decisions", "no such table: decisions"),
        ("SELECT decision AS subject, valeu AS value, at FROM moments", "no such column: valeu"),
        ("SELECT decision AS subject, 1 AS value FROM moments", "yields no column 'at'"),
        (f"{GOOD.replace('at FROM', 'at, 1 AS usr FROM')}", "Did you mean 'user'?"),
        ("SELECT 'a' AS subject, 1 AS value, 2 AS at", "none over moments"),
        (f"{GOOD}; {GOOD}", "one SELECT over moments is expected"),
        (f"{GOOD}) UNION SELECT * FROM (SELECT 1, 2, 3", "syntax error"),
        (f"{GOOD} /*", "syntax error"),
        ("DELETE FROM moments", "not authorized"),
        ("ATTACH 'other.db' AS other", "not authorized"),
        ("SELECT decision AS subject, random() AS value, at FROM moments", "random is another each time"),
        ("SELECT decision AS subject, :x AS value, at FROM moments", "bindings"),
        (
            "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t)"
            " SELECT n AS subject, n AS value, n AS at FROM t LEFT JOIN moments",
            "interrupted",
        ),
    ],
)
def test_anything_else_is_refused_with_its_line(sql, why):
    with pytest.raises(SpecError) as refused:
        declared(sql)
    assert str(refused.value).startswith("autotroph.toml:5: signals.s.sql: ")
    assert why in str(refused.value)


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ("about = 'user'", "s.about"),
        ("take = 'first'", "s.take"),
        ("scores = 'any'", "s.scores"),
        ("of = 's'", "s.of"),
        ("[signals.t]\ntype = 'number'\nof = 's'\nwithin = '1h'", "t.of"),
    ],
)
def test_what_makes_no_sense_with_it_is_refused(more, key):
    with pytest.raises(SpecError, match=f"signals.{key}"):
        declared(GOOD, more)
