"""`autotroph ingest` on real files and a real ledger: counts that add up, refusals with reasons, going on."""

import csv
import gzip
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from autotroph.errors import LedgerError
from autotroph.faces.cli.ingest import FORMATS, ingest
from autotroph.faces.cli.refusals import Polite
from autotroph.faces.library import Product
from autotroph.ingest import files, importing
from autotroph.records import Completion, Decision, Signal
from autotroph.store import open_reader

TOML = """
[product]
name = "support"
[tasks.reply]
kind = "text"
reward = "useful"
[signals]
accepted = { type = "boolean" }
stars = { type = "number" }
resolved = { type = "boolean", about = "session" }
[rewards.useful]
value = "accepted"
"""
THUMBS = (
    "--task",
    "reply",
    "--id",
    "id",
    "--user",
    "customer",
    "--input",
    "text=question",
    "--output",
    "answer",
)
THUMBS = (*THUMBS, "--thumb", "rating", "--at", "when")
CLI = Polite(name="autotroph", commands=[ingest])


@pytest.fixture(autouse=True)
def declared(here: Path) -> None:
    (here / "autotroph.toml").write_text(TOML, encoding="utf-8")


def run(*arguments: str, typed: bytes | None = None) -> Result:
    return CliRunner().invoke(CLI, ["ingest", *arguments], input=typed)


def counted(*arguments: str, code: int = 0, typed: bytes | None = None) -> dict[str, Any]:
    result = run(*arguments, "--json", typed=typed)
    assert result.exit_code == code, result.output
    return json.loads(result.stdout.splitlines()[-1])


def stored(kind: type) -> list[Any]:
    reader = open_reader(".autotroph/ledger.db")
    try:
        return list(reader.scan(kind))
    finally:
        reader.close()


def refused(path: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def thumbs(count: int) -> str:
    """A table of thumbs: of ten rows one has none, one an odd one, one is nobody's, and one comes twice."""
    table = [["id", "customer", "question", "answer", "rating", "when", "agent"]]
    for number in range(count):
        thumb = "up" if number % 3 else "👎"
        row = [f"c{number}", f"u{number % 97}", f"Where is\nmy card {number}?", 'On its way, "soon".', thumb]
        row += [str(1_600_000_000 + number), "x"]
        match number % 10:
            case 3:
                row[4] = ""
            case 5:
                row[4] = "perhaps"
            case 7:
                row[1] = ""
            case 9:
                row = table[-1]
        table.append(row)
    text = io.StringIO()
    csv.writer(text).writerows(table)
    return text.getvalue()


# a table of thumbs ---------------------------------------------------------------------------------------


def test_a_table_of_thumbs_and_every_row_is_accounted_for() -> None:
    Path("thumbs.csv").write_text(thumbs(2_000), encoding="utf-8")
    found = counted("thumbs.csv", *THUMBS, code=1)
    assert found == {
        "rows": 2_000, "stored": 1_400, "known": 200, "refused": 400, "decisions": 1_400, "signals": 1_200,
        "refused_rows": "thumbs.csv.refused.jsonl", "left_out": ["agent"],
    }  # fmt: skip
    decisions = stored(Decision)
    assert len({one.id for one in decisions}) == len(decisions) == len(stored(Completion)) == 1_400
    assert {one.provenance for one in decisions} == {"import"}
    assert decisions[0].inputs == {"text": "Where is\nmy card 0?"}
    signals = stored(Signal)
    assert len(signals) == 1_200
    assert {one.subject: one.value for one in signals}["c0"] is False
    rows = refused("thumbs.csv.refused.jsonl")
    assert [row["row"] for row in rows[:2]] == [6, 8]
    assert "column 'rating': 'perhaps' is neither yes nor no" in rows[0]["reason"]
    assert rows[0]["said"]["customer"] == "u5"
    assert "counts by user" in rows[1]["reason"]
    assert not Path("thumbs.csv.progress").exists()


def test_the_same_file_again_stores_nothing() -> None:
    Path("thumbs.csv").write_text(thumbs(100), encoding="utf-8")
    first = counted("thumbs.csv", *THUMBS, code=1)
    again = counted("thumbs.csv", *THUMBS, code=1)
    assert (again["stored"], again["known"], again["refused"]) == (0, first["stored"] + first["known"], 20)
    assert len(refused("thumbs.csv.refused.jsonl")) == 20
    assert len(stored(Decision)) == first["decisions"]


DYING = """
import os, signal, sys
from autotroph.faces.cli.ingest import ingest
from autotroph.faces.library import Product
from autotroph.ingest import importing
importing.BATCH = 100
take, turns = Product.take, iter(range(int(sys.argv.pop(1))))
def dying(self, *given):
    outcomes = take(self, *given)
    if next(turns, None) is None:
        os.kill(os.getpid(), signal.SIGKILL)
    return outcomes
Product.take = dying
ingest()
"""


@pytest.mark.parametrize("turns", [0, 7])
def test_killed_in_the_middle_it_goes_on_and_the_counts_add_up(turns: int) -> None:
    Path("thumbs.csv").write_text(thumbs(2_000), encoding="utf-8")
    command = [sys.executable, "-c", DYING, str(turns), "thumbs.csv", *THUMBS]
    died = subprocess.run(command, capture_output=True, check=False)
    assert died.returncode == -9, died.stderr
    assert Path("thumbs.csv.progress").exists() == (turns > 0)
    found = counted("thumbs.csv", *THUMBS, code=1)
    assert found["rows"] == found["stored"] + found["known"] + found["refused"] == 2_000
    assert found["refused"] == len(refused("thumbs.csv.refused.jsonl")) == 400
    assert len({row["row"] for row in refused("thumbs.csv.refused.jsonl")}) == 400
    assert found["stored"] == 1_400 - 70  # one batch was stored, and not yet counted when it died
    assert len({one.id for one in stored(Decision)}) == len(stored(Decision)) == 1_400
    assert len(stored(Signal)) == 1_200


def test_interrupted_it_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("thumbs.csv").write_text(thumbs(1_000), encoding="utf-8")
    monkeypatch.setattr(importing, "BATCH", 100)
    turns, seen = iter(range(4)), list[int]()
    take = Product.take

    def interrupted(product: Product, arrivals: Any) -> Any:
        if next(turns, None) is None:
            raise KeyboardInterrupt
        seen.append(len(arrivals))
        return take(product, arrivals)

    with monkeypatch.context() as patched:
        patched.setattr(Product, "take", interrupted)
        result = run("thumbs.csv", *THUMBS)
    assert result.exit_code == 130
    assert "stopped after row 400: the same command again continues" in result.stderr
    whole = counted("thumbs.csv", *THUMBS, code=1)
    assert (whole["rows"], whole["stored"], whole["known"], whole["refused"]) == (1_000, 700, 100, 200)


@pytest.mark.parametrize("change", ["file", "flags", "ledger", "declaration", "damage", "asked"])
def test_another_import_begins_anew(monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    Path("thumbs.csv").write_text(thumbs(400), encoding="utf-8")
    with monkeypatch.context() as patched:
        patched.setattr(importing.Bookmark, "remove", lambda _: None)
        assert counted("thumbs.csv", *THUMBS, code=1)["stored"] == 280
    more: tuple[str, ...] = ()
    match change:
        case "file":
            Path("thumbs.csv").write_text(thumbs(400).replace("soon", "at once"), encoding="utf-8")
        case "flags":
            more = ("--session", "agent")
        case "ledger":
            for path in Path(".autotroph").glob("ledger.db*"):
                path.unlink()
        case "declaration":
            Path("autotroph.toml").write_text(TOML + "[ladder]\nholdback = 0.5\n")
        case "damage":
            Path("thumbs.csv.progress").write_text("{")
        case "asked":
            more = ("--no-resume",)
    found = counted("thumbs.csv", *THUMBS, *more, code=1)
    conflicts = change in ("file", "flags")
    expected = (280, 40) if change == "ledger" else (0, 0 if conflicts else 320)
    assert (found["rows"], found["stored"], found["known"]) == (400, *expected)
    assert len(stored(Decision)) == 280


def test_a_finished_place_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("thumbs.csv").write_text(thumbs(400), encoding="utf-8")
    with monkeypatch.context() as patched:
        patched.setattr(importing.Bookmark, "remove", lambda _: None)
        first = counted("thumbs.csv", *THUMBS, code=1)
    monkeypatch.setattr(Product, "take", lambda *_: pytest.fail("nothing is left to take"))
    assert counted("thumbs.csv", *THUMBS, code=1) == first


def test_a_ledger_that_fails_is_no_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("thumbs.csv").write_text(thumbs(10), encoding="utf-8")

    def failing(*_: Any) -> Any:
        raise LedgerError("the disk is gone")

    with monkeypatch.context() as patched:
        patched.setattr(Product, "take", failing)
        result = run("thumbs.csv", *THUMBS)
    assert (result.exit_code, result.stderr) == (1, "error: the disk is gone\n")
    assert not Path("thumbs.csv.refused.jsonl").exists()
    assert counted("thumbs.csv", *THUMBS, code=1)["stored"] == 7


# other files ---------------------------------------------------------------------------------------------

LINES = b"""\
{"task":"reply","id":"d1","user":"u1","inputs":{"text":"hi"},"output":"hello","at":1600000000,"signals":{"stars":4}}
{"subject":"d1","name":"accepted","value":true,"at":"2020-09-13T12:30:00Z"}

{"subject":"later","name":"accepted","value":true,"key":"k"}
{"subject":"d1","name":"accepted","value":"yes"}
{"task":"reply","id":"d1","user":"u1","inputs":{"text":"other"},"output":"hello","at":1600000000}
{"task":"reply","id":"d2","id":"d3"}
{"task":"reply","id":"d4","user":"u1","output":"x","at":1600000000,"sesion":"s"}
not json
"""


def test_jsonl_from_a_pipe_with_everything_that_can_be_wrong() -> None:
    found = counted("-", "--format", "jsonl", typed=LINES, code=1)
    assert (found["stored"], found["known"], found["refused"]) == (3, 0, 5)
    assert (found["decisions"], found["signals"], found["refused_rows"]) == (1, 3, "ingest.refused.jsonl")
    rows = refused("ingest.refused.jsonl")
    assert [row["row"] for row in rows] == [5, 6, 7, 8, 9]
    for row, says in zip(
        rows,
        [
            "declared boolean; got str",
            "came before with another body",
            "named twice",
            "Did you mean 'session'",
            "not JSON",
        ],
        strict=True,
    ):
        assert says in row["reason"]
    assert rows[1]["said"]["inputs"] == {"text": "other"}
    assert rows[4]["said"] == "not json"


def test_all_that_is_well_leaves_with_0() -> None:
    Path("old.jsonl.gz").write_bytes(
        gzip.compress(LINES[: LINES.index(b'{"subject":"d1","name":"accepted","value":"y')])
    )
    result = run("old.jsonl.gz")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "3 rows: 1 decisions and 3 signals stored · 0 rows already there · 0 refused\n"
    assert sorted(path.name for path in Path().iterdir()) == [".autotroph", "autotroph.toml", "old.jsonl.gz"]


def test_a_table_of_signals_needs_no_flags() -> None:
    Path("signals.csv").write_text(
        "subject,name,value,at\nd1,accepted,👍,1600000000\nd1,stars,3.5,1600000000\n"
    )
    found = counted("signals.csv")
    assert (found["rows"], found["signals"], found["left_out"]) == (2, 2, [])
    assert [one.value for one in stored(Signal)] == [True, 3.5]


def test_parquet_with_columns_by_name_and_by_flag() -> None:
    import duckdb

    duckdb.sql("""COPY (SELECT 'reply' AS task, range AS "user", 'answer' AS output, 'q' || range AS ask,
        range % 2 = 0 AS ok, TIMESTAMP '2023-01-01' + INTERVAL (range) SECOND AS at FROM range(700))
        TO 'old.parquet'""")
    found = counted("old.parquet", "--input", "text=ask", "--signal", "accepted=ok", "--refused", "no.jsonl")
    assert (found["decisions"], found["signals"], found["left_out"]) == (700, 700, [])
    newest = stored(Decision)[-1]
    assert (newest.user, newest.inputs, newest.at) == ("699", {"text": "q699"}, 1_672_531_899.0)


def test_rows_of_json_take_flags_too() -> None:
    Path("old.jsonl").write_bytes(b'{"user":"u","q":"a","reply":"b"}\n{"user":"v","reply":"b"}\n')
    found = counted("old.jsonl", "--task", "reply", "--input", "text=q", "--output", "reply")
    assert found["decisions"] == 2
    assert [(one.user, one.inputs) for one in stored(Decision)] == [("u", {"text": "a"}), ("v", {})]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("none.csv",), "none.csv cannot be read: No such file"),
        (("thumbs.csv", "--task", "rply"), "no task named 'rply'; known: reply. Did you mean 'reply'?"),
        (("thumbs.csv", "--task", "reply", "--id", "idd"), "no column named 'idd'"),
        (("thumbs.csv", "--task", "reply", "--signal", "acepted=x"), "no signal named 'acepted'"),
        (("thumbs.csv", "--task", "reply", "--input", "text"), "write NAME=COLUMN"),
        (("thumbs.csv",), "no column is named task or subject"),
        (("-",), "format of a stream has to be named"),
        (("autotroph.toml",), "does not say the format"),
        (("thumbs.csv", "--refused", "./thumbs.csv"), "is what is read: refused rows have to go to another"),
        (("thumbs.csv", *THUMBS, "--refused", "no/where.jsonl"), "no/where.jsonl: No such file or directory"),
    ],
)
def test_a_call_that_is_wrong_is_refused_with_the_way_out(arguments: tuple[str, ...], says: str) -> None:
    Path("thumbs.csv").write_text(thumbs(10), encoding="utf-8")
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ")
    assert says in result.stderr
    assert Path("thumbs.csv").exists()


def test_thumbs_that_could_be_two_signals_have_to_say_which() -> None:
    Path("autotroph.toml").write_text(
        TOML.replace('stars = { type = "number" }', 'liked = { type = "boolean" }')
    )
    Path("t.csv").write_text("user,output,thumb\nu,a,up\n")
    said = run("t.csv", "--task", "reply", "--thumb", "thumb").stderr
    assert "2 signals are boolean and about a decision (accepted, liked); say which" in said
    assert counted("t.csv", "--task", "reply", "--thumb", "liked=thumb")["signals"] == 1


def test_the_formats_are_those_that_can_be_read() -> None:
    assert FORMATS == files.FORMATS
