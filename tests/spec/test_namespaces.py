"""One task, declared once, in several namespaces."""

import pytest

from autotroph.errors import SpecError
from autotroph.spec import parse

TOML = """
[product]
name = "support"
[tasks.route]
kind = "choice"
actions = ["billing", "cards"]
reward = "resolved"
namespaces = ["acme", "glo.bex"]
[tasks.greet]
kind = "choice"
actions = ["hello", "hi"]
reward = "resolved"
[signals]
solved = { type = "boolean" }
[rewards.resolved]
value = "solved"
[tracks.learn]
kind = "policy"
task = "route"
[tracks.warm]
kind = "policy"
task = "greet"
[sets.golden]
task = "route"
file = "golden.jsonl"
measure = "same"
[outcomes.same]
value = "chars"
"""


def test_each_has_a_task_with_tracks_and_sets_of_its_own():
    spec = parse(TOML)
    assert list(spec.tasks) == ["route", "route@acme", "route@glo.bex", "greet"]
    assert spec.task("route@acme") == spec.task("route")
    assert {name: track.task for name, track in spec.tracks.items()} == {
        "learn": "route", "learn@acme": "route@acme", "learn@glo.bex": "route@glo.bex", "warm": "greet",
    }  # fmt: skip
    assert spec.sets["golden@acme"].task == "route@acme"


def test_an_experiment_names_the_one_it_is_about():
    asked = '[experiments.tone]\ntask = "route@acme"\narms = { a = "billing", b = "cards" }\n'
    assert parse(TOML + asked).experiments["tone"].task == "route@acme"
    with pytest.raises(SpecError, match=r"no task named .*Did you mean .route@acme."):
        parse(TOML + asked.replace("acme", "acne"))


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ('"glo.bex"', '"glo bex"', "a.toml:8: tasks.route.namespaces: 'glo bex': expected letters"),
        ('"glo.bex"', '"acme"', "a.toml:8: tasks.route.namespaces: one of them is there twice"),
        ('actions = ["billing", "cards"]', 'segments = ["tier"]', "a.toml:6: tasks.route.segments"),
        ("[tasks.greet]", '[tasks."greet@x"]', "a.toml:9: tasks"),
    ],
)
def test_what_is_wrong_is_said_once_where_it_is_written(before, after, says):
    with pytest.raises(SpecError) as caught:
        parse(TOML.replace(before, after), "a.toml")
    assert str(caught.value).startswith(says)
