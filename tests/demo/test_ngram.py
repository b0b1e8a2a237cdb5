import os
import subprocess
import sys

from autotroph.demo.lexer import lex
from autotroph.demo.ngram import END, Base, Log, Reading, Sources, predict

LOOP = "for i in range(3):\n    print(i)\n"


def log(text: str) -> Log:
    made = Log()
    made.append(lex(text))
    return made


def everything(made: Log) -> Reading:
    return Reading(made, len(made.tokens))


def test_the_base_knows_what_follows_and_how_often() -> None:
    base = Base([LOOP, LOOP, "for k in range(2):\n"])
    occurrences, distinct, followers = base.followers(["for"])[1]
    assert (occurrences, distinct) == (3, 2)
    assert followers == ((" i", 2), (" k", 1))


def test_the_base_stops_at_the_first_context_it_never_saw() -> None:
    base = Base([LOOP])
    assert len(base.followers([" unheard", "for"])) == 2
    assert len(base.followers(["unheard"])) == 1
    assert Base([]).followers(["for"]) == [(0, 0, ())]


def test_contexts_do_not_reach_from_one_text_into_the_next() -> None:
    base = Base(["a b", "c d"] * 3)
    assert len(base.followers([" b"])) == 1


def test_all_newlines_are_one_target() -> None:
    base = Base(["x\n    x\n  x\nx"])
    assert base.followers(["x"])[1][2] == ((END, 3),)


def test_a_log_read_up_to_a_position_ignores_what_came_later() -> None:
    made = log("a = b\n")
    early = Reading(made, len(made.tokens))
    sources = Sources(Base([]), early, everything(Log()))
    before = predict(sources, ["a", " ="])
    made.append(lex("a = c\n" * 9))
    assert predict(sources, ["a", " ="]) == before
    assert before.token == " b"


def test_levels_nest_and_come_latest_first() -> None:
    made = log("x a b c d e\ny a b c d e\n")
    levels = made.levels(lex("y a b c d"), len(made.tokens))
    assert len(levels) == 6
    assert [made.tokens[position] for position in levels[4]] == [" e", " e"]
    assert levels[4][0] > levels[4][1]
    assert [len(level) for level in levels] == [0, 2, 2, 2, 2, 1]


def test_reading_backwards_stops_at_the_beginning() -> None:
    made = log("a b")
    assert [len(level) for level in made.levels(["b", "a"], len(made.tokens))] == [0, 1]


def test_file_outweighs_project_outweighs_base() -> None:
    base = Base(["self.one = 1\n"] * 3)
    project, file, empty = log("self.two = 2\n" * 2), log("self.three = 3\n"), log("")
    context = ["self", "."]
    assert predict(Sources(base, everything(empty), everything(empty)), context).token == "one"
    assert predict(Sources(base, everything(project), everything(empty)), context).token == "two"
    assert predict(Sources(base, everything(project), everything(file)), context).token == "three"


def test_probabilities_are_probabilities_and_grow_with_evidence() -> None:
    seen = [
        predict(Sources(Base([LOOP]), everything(log(LOOP * n)), everything(log(""))), ["for"])
        for n in (1, 2, 8)
    ]
    chances = [each.probability for each in seen]
    assert chances == sorted(chances)
    assert all(0 < each.probability <= 1 and 0 <= each.rival <= each.probability for each in seen)


def test_a_wanted_token_is_described_instead_of_the_best() -> None:
    sources = Sources(Base([]), everything(log("a b\na b\na c\n")), everything(log("")))
    asked = predict(sources, ["a"], wanted=" c")
    assert asked.token == " c"
    assert asked.rival > asked.probability > 0
    assert predict(sources, ["a"], wanted=" never").probability == 0


def test_nothing_known_predicts_nothing() -> None:
    empty = everything(log(""))
    assert predict(Sources(Base([]), empty, empty), []).token == ""


def test_predictions_do_not_depend_on_the_seed_of_hashing() -> None:
    code = (
        "from autotroph.demo.completer import *\n"
        "made = Completer(Base(['a b c d\\n', 'a c b d\\n']), Project())\n"
        "made.learn('x y z\\nx z y\\na d\\n')\n"
        "print([made.propose({'path': 'p', 'before': text}) for text in ('a', 'x', 'a b', '', 'x z')])\n"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(answers) == 1
