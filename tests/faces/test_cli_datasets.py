"""`autotroph datasets`, as one types it."""

import json
from pathlib import Path

import click
import pytest
from commanding import answer, refused, run
from products import DAY, START, opened, use

from autotroph.digest.datasets.shapes import SHAPES
from autotroph.faces.cli.datasets import datasets


def used(folder: Path) -> None:
    """Eighty people ask for the same thing in words of their own; a day passes, and a cycle."""
    with opened(folder) as product:
        for number in range(80):
            text = f"{number}: {chr(97 + number % 26) * 9} lost my card {number * 7919}"
            made = product.decide("route", {"text": text}, user=f"u{number}")
            if number % 2:
                product.signal(made.id, "resolved", True)
        product.clock.advance(START + DAY)
        product.cycle()


def built(*more: str) -> dict[str, object]:
    found: dict[str, object] = answer("datasets", "build", "--task", "route", *more)
    return found


def test_built_twice_it_is_the_same(here: Path) -> None:
    used(here)
    first = built()
    assert built() == first
    assert first["answers"] == 80
    assert first["examples"] == 80 - first["left"]["of the gate's fold"]  # type: ignore[index]
    assert sum(first["splits"].values()) == first["examples"]  # type: ignore[attr-defined]
    assert answer("datasets", "show") == {
        "datasets": [{name: first[name] for name in first if name not in ("answers", "left")}]
    }
    assert answer("sql", "SELECT count(*) AS n FROM artefacts WHERE kind = 'dataset'")["rows"] == [{"n": 1}]


def test_a_person_is_told_what_was_left_out_and_warned(here: Path) -> None:
    used(here)
    result = run("datasets", "build", "--task", "route", "--min-reward", "0.5", "--per-source", "10")
    assert "10 examples of task route, of 10 users" in result.stdout
    assert "of 80 answers: of the gate's fold" in result.stdout
    assert "of 80 answers: reward out of bounds" in result.stdout
    assert "of 80 answers: above a cap" in result.stdout
    assert "warning: people wrote 0% of what is learned" in result.stderr
    digest = result.stdout.split()[1]
    shown = run("datasets", "show", digest[:8])
    assert "0 of its examples are gone" in shown.stdout
    assert digest[:12] in run("datasets", "show").stdout


def test_nothing_is_said_to_be_nothing(here: Path) -> None:
    used(here)
    result = run("datasets", "build", "--task", "route", "--source", "import")
    assert result.exit_code == 0
    assert "0 examples of task route" in result.stdout
    assert "nothing is in it" in result.stderr


def test_lineage(here: Path) -> None:
    used(here)
    digest = built()["digest"]
    (one,) = answer("sql", "SELECT id, user FROM decisions WHERE fold = 'tracks' LIMIT 1")["rows"]
    (held,) = answer("datasets", "show", "--of", one["id"])["datasets"]
    assert held["dataset"] == digest
    assert held["candidates"] == []
    assert answer("datasets", "show", "--user", one["user"])["datasets"] == [held]
    assert answer("datasets", "show", "--user", "nobody") == {"datasets": []}
    assert answer("erase", one["user"], "--yes")["users"] == 1
    assert answer("datasets", "show", str(digest))["gone"] == 1
    assert answer("datasets", "show", "--user", one["user"])["datasets"] == [held]
    assert "1 train" in run("datasets", "show", "--user", one["user"]).stdout or held["splits"] != {
        "train": 1
    }
    assert "look for its user" in refused("datasets", "show", "--of", one["id"])
    assert run("datasets", "show", "--user", "nobody").stdout == "no dataset holds it\n"


def test_a_difference(here: Path) -> None:
    used(here)
    before, after = built()["digest"], built("--per-source", "9")["digest"]
    found = answer("datasets", "diff", str(before), str(after))
    removed = found["counts"]["removed"]
    assert found["counts"] == {"added": 0, "removed": removed, "reward": 0, "split": 0, "content": 0}
    assert len(found["list"]) == removed > 20
    assert found["asked"] == {"per_source": {"before": 0, "after": 9}}
    assert all(one["decision"].startswith("decision_") and one["after"] is None for one in found["list"])
    shown = run("datasets", "diff", str(before)[:8], str(after)[:8])
    assert f"{removed} removed" in shown.stdout
    assert "the first 20 of" in shown.stderr


def test_an_export(here: Path) -> None:
    used(here)
    digest = str(built()["digest"])
    done = answer("datasets", "export", digest[:8], "out", "--shape", "prompt-completion")
    assert done["dataset"] == digest
    assert done["gone"] == 0
    one = json.loads(Path("out/train.jsonl").read_text().splitlines()[0])
    assert one["prompt"].count("lost my card") == 1
    assert one["completion"] in ("billing", "cards", "fraud")
    again = ("datasets", "export", digest[:8], "out", "--shape", "openai")
    assert "already; force writes over it" in refused(*again)
    assert run(*again, "--force").exit_code == 0
    assert "messages" in json.loads(Path("out/train.jsonl").read_text().splitlines()[0])
    shown = run("datasets", "export", digest[:8], "pq", "--shape", "table", "--parquet")
    assert "train.parquet" in shown.stdout
    assert Path("pq/train.parquet").read_bytes()[:4] == b"PAR1"


def test_reading_goes_on_while_the_product_runs(here: Path) -> None:
    used(here)
    digest = str(built()["digest"])
    with opened(here) as product:
        assert answer("datasets", "show", digest)["examples"] > 0
        assert "call autotroph.digest.datasets" in refused("datasets", "build", "--task", "route", code=1)
        use(product, range(1000, 1001))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("build", "--task", "rute"), "Did you mean 'route'"),
        (("build", "--task", "route", "--cut", "yesterday"), "is no time"),
        (("build", "--task", "route", "--near", "0.1"), "between 0.7 and 1"),
        (("show", "abcdef12", "--user", "u1"), "choose one"),
        (("show", "abcdef12"), "no dataset named 'abcdef12'; known: none."),
        (("diff", "abcdef12", "abcdef12"), "no dataset named"),
        (("export", "abcdef12", "out", "--shape", "openai"), "no dataset named"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(arguments: tuple[str, ...], said: str, here: Path) -> None:
    with opened(here) as product:
        use(product, range(1))
    result = run("datasets", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_the_command_knows_every_shape() -> None:
    (shape,) = (one for one in datasets.commands["export"].params if one.name == "shape")
    assert isinstance(shape.type, click.Choice)
    assert tuple(shape.type.choices) == SHAPES


def test_the_cut_is_a_date(here: Path) -> None:
    used(here)
    found = built("--cut", "2023-11-14")
    assert set(found["splits"]) == {"train", "validation", "test"}  # type: ignore[call-overload]
    assert found["splits"]["train"] == found["splits"]["validation"] == 0  # type: ignore[index]
    assert found["splits"]["test"] > 0  # type: ignore[index]
