"""The file of a frozen set: what is no set is refused with its line, and what was allowed."""

import re
from pathlib import Path

import pytest

from autotroph.errors import SpecError
from autotroph.spec import load, parse
from autotroph.spec.sets import read_set

TOML = """[product]
name = "post"
[tasks.route]
kind = "choice"
actions = ["billing", "fraud"]
context = { text = "text" }
reward = "kind"
[signals]
solved = { type = "boolean" }
label = { type = "text", scores = "any" }
[rewards.kind]
value = "solved"
[rewards.right]
value = "output = label"
[sets.letters]
task = "route"
file = "letters.jsonl"
measure = "right"
slices = { thefts = 0.9 }
"""
GOOD = '{"id": "a", "inputs": {"text": "x"}, "signals": {"label": "fraud"}, "slice": "thefts"}\n'


def written(folder: Path, body: bytes) -> Path:
    (folder / "autotroph.toml").write_text(TOML, "utf-8")
    (folder / "letters.jsonl").write_bytes(body)
    return folder / "autotroph.toml"


def test_a_case_a_line(tmp_path):
    spec = load(written(tmp_path, GOOD.encode() + b"\n" + GOOD.replace('"a"', '"b"').encode()))
    found = read_set(spec, "letters")
    assert [(one.id, one.slice, one.critical) for one in found.cases] == [
        ("a", "thefts", False),
        ("b", "thefts", False),
    ]
    assert found.digest != read_set(load(written(tmp_path, GOOD.encode())), "letters").digest


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "not a case"),
        ('{"id": "b"}', "inputs"),
        (GOOD.replace("slice", "slices").strip(), "slices"),
        (GOOD.strip(), "a second case 'a'"),
        (GOOD.replace('"a"', '" "').strip(), "id is empty"),
        (GOOD.replace('"a"', '"b"').replace("label", "lable").strip(), "no signal named 'lable'"),
        (GOOD.replace('"a"', '"b"').replace('"fraud"', "1").strip(), "label is declared a text"),
        (GOOD.replace('"a"', '"b"').replace("label", "solved").strip(), "solved is declared a boolean"),
        ("\ufffd".encode("utf-16").decode("latin-1"), "not a case"),
    ],
)
def test_what_is_no_case_is_refused_with_its_line(tmp_path, line, says):
    spec = load(written(tmp_path, (GOOD + line).encode("latin-1")))
    with pytest.raises(SpecError, match=r"letters\.jsonl:2: .*" + re.escape(says)):
        read_set(spec, "letters")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "no case in it"),
        (b"\n \n", "no case in it"),
        (GOOD.replace("thefts", "theft").encode(), "no case is of the slice 'thefts'"),
        (b" " * (16 * 2**20 + 1), "a set has at most"),
    ],
)
def test_what_is_no_set_is_refused(tmp_path, body, says):
    with pytest.raises(SpecError, match=re.escape(says)):
        read_set(load(written(tmp_path, body)), "letters")


@pytest.mark.parametrize(
    ("was", "now", "says"),
    [
        ('measure = "right"', "", "kind reads solved, which is known only of an answer that was served"),
        ('measure = "right"', 'measure = "rihgt"', "Did you mean 'right'?"),
        ('task = "route"\nfile', 'task = "rout"\nfile', "no task named 'rout'"),
        ('"letters.jsonl"', '""', "sets.letters.file: empty"),
        ('"output = label"', "\"label = 'fraud'\"", None),
        ('"output = label"', '"length(inputs.text)"', "right reads nothing of the answer"),
        ("thefts = 0.9", 'thefts = "much"', "expected a number"),
        ("slices = { thefts = 0.9 }", "slice = 1", "Did you mean 'slices'?"),
    ],
)
def test_faults_of_the_declaration(was, now, says):
    text = TOML.replace(was, now)
    assert text != TOML
    if says is None:  # a text may be held against the answer by `kept`, so it is left alone
        assert parse(text).sets["letters"].measure == "right"
        return
    with pytest.raises(SpecError, match=re.escape(says)):
        parse(text)
