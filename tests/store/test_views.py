"""docs/reference/views.md says what the views are: their names, their columns in order, what is in them."""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from autotroph.records import Completion
from autotroph.store import Reader, open_store
from autotroph.testing.stores import decision, examples, signal

PAGE = Path(__file__).parent.parent.parent / "docs/reference/views.md"


class View(NamedTuple):
    name: str
    columns: dict[str, set[str]]
    nullable: set[str]
    example: str


def documented() -> Iterator[View]:
    for section in PAGE.read_text("utf-8").split("\n## ")[1:]:
        rows = re.findall(r"^\| `(\w+)` \| ([\w, ]+) \| (.+) \|$", section, re.MULTILINE)
        example = re.search(r"```sql\n(.+?)```", section, re.DOTALL)
        assert example, section
        yield View(
            section.split("\n", 1)[0],
            {name: set(types.split(", ")) for name, types, _ in rows},
            {name for name, _, meaning in rows if "NULL" in meaning},
            example[1],
        )


VIEWS = list(documented())


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """Every kind of row, and an interaction of a person, an unseen answer to it, an import and an orphan."""
    path = tmp_path_factory.mktemp("views") / "ledger.db"
    with closing(open_store(path)) as store:
        store.append(
            decision("d0", served=True, shadows="", release="r1", provenance="product"),
            *examples(),
            signal("s5", subject="d0", value="caffè"),
            signal("s6", subject="nobody's"),
            decision("d2", shadows="", options=(), provenance="import"),
            Completion(decision="d0", output="caf", at=1.0),
        ).durable()
        yield store


def test_every_view_is_there_and_no_other(ledger):
    there = ledger.query("SELECT name FROM sqlite_schema WHERE type = 'view' ORDER BY rowid").rows
    assert sorted(view.name for view in VIEWS) == sorted(name for (name,) in there)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_its_columns_are_those(view, ledger):
    assert ledger.query(f"SELECT * FROM {view.name}").columns == tuple(view.columns)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_what_is_in_them_is_of_the_type_that_it_says(view, ledger):
    asked = ", ".join(f'json_group_array(DISTINCT typeof("{name}"))' for name in view.columns)
    (found,) = ledger.query(f"SELECT {asked} FROM {view.name}").rows
    for (name, types), cell in zip(view.columns.items(), found, strict=True):
        real = set(re.findall(r"\w+", str(cell)))
        assert real, f"{view.name} is empty here"
        assert real - {"null"} <= types, name
        assert "null" not in real or name in view.nullable, name


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_its_example_runs(view, ledger):
    assert ledger.query(view.example).columns


def test_the_command_names_them_all():
    from autotroph.faces.cli.sql import sql

    assert {view.name for view in VIEWS} <= set(re.findall(r"\w+", sql.help or ""))
