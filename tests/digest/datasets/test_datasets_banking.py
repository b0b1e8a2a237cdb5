"""Real questions to a bank (Banking77, Casanueva et al. 2020) through the library, and counted directly."""

import csv
import json
import os
from collections import Counter
from pathlib import Path

import pytest

from autotroph.digest.datasets.building import build
from autotroph.digest.datasets.exporting import Into, export
from autotroph.digest.datasets.manifest import Manifest
from autotroph.digest.datasets.near import normalised
from autotroph.digest.datasets.recipe import Recipe
from autotroph.digest.datasets.shapes import Shaping
from autotroph.faces.library import Product
from autotroph.ingest.arrivals import DecisionIn
from autotroph.records import Decision
from support_product import opened, pass_time

DATA = Path(os.environ.get("AUTOTROPH_DATA", "")) / "banking77/train.csv"
PEOPLE = 500
SAID = '[tasks.intent]\nkind = "text"\nunit = "user"\nreward = "useful"\n'

pytestmark = pytest.mark.skipif(
    not DATA.is_file(), reason="AUTOTROPH_DATA names no folder with banking77/train.csv"
)

Questions = list[tuple[str, str]]


@pytest.fixture(scope="module")
def questions() -> Questions:
    with DATA.open(encoding="utf-8", newline="") as file:
        return [(row["text"], row["category"]) for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory, questions: Questions) -> Product:
    """Every question, asked by one of five hundred people, answered with its intent; one in four unliked."""
    made = opened(tmp_path_factory.mktemp("bank"), SAID)
    told = [
        DecisionIn(
            task="intent",
            id=f"q{place}",
            inputs={"text": text},
            output=intent,
            user=f"u{place % PEOPLE}",
            signals={"accepted": place % 4 > 0},
        )
        for place, (text, intent) in enumerate(questions)
    ]
    made.take(told)
    pass_time(made)
    return made


def of(product: Product, **asked: object) -> Manifest:
    return build(product.store, product.spec, Recipe(task="intent", **asked)).manifest  # type: ignore[arg-type]


def open_to_tracks(product: Product) -> set[int]:
    """The places of questions that the gate does not keep for itself."""
    return {int(one.id[1:]) for one in product.store.scan(Decision, fold="tracks", texts=False)}


def test_all_of_them_are_examples(product: Product) -> None:
    manifest = of(product, near=0.0, duplicates="keep", validation=0.0, test=0.0)
    free = open_to_tracks(product)
    assert len(manifest) == len(free) > 7000
    assert sum(manifest.rewards) == sum(place % 4 > 0 for place in free)
    assert len(manifest.owners) == len({place % PEOPLE for place in free})


def test_equal_ones_are_counted_as_a_set_counts_them(product: Product, questions: Questions) -> None:
    free = open_to_tracks(product)
    texts = {(normalised(questions[place][0]), questions[place][1]) for place in free}
    assert len(of(product, near=0.0, validation=0.0, test=0.0)) == len(texts)


def test_near_ones_are_few_and_all_pairs_that_are_left_differ(product: Product, questions: Questions) -> None:
    free = open_to_tracks(product)
    manifest = of(product, validation=0.0, test=0.0)
    places = {
        one.sequence: int(one.id[1:]) for one in product.store.scan(Decision, fold="tracks", texts=False)
    }
    left = [questions[places[sequence]] for sequence in manifest.decisions]
    assert 0.95 * len(free) < len(left) < len(free)
    assert _near_pairs(left) == 0
    assert _near_pairs([questions[place] for place in sorted(free)]) > 50


def _near_pairs(examples: Questions) -> int:
    """Pairs at least .8 alike, counted directly: only those that share a shingle with few others can be."""
    sets = []
    for text, intent in examples:
        said = f"{normalised(text)}\n{intent}\n" + "\0" * 4
        sets.append({said[place : place + 5] for place in range(len(said) - 4)})
    holders: dict[str, list[int]] = {}
    frequency = Counter(shingle for each in sets for shingle in each)
    found = 0
    for place, mine in enumerate(sets):
        rare = sorted(mine, key=lambda shingle: (frequency[shingle], shingle))
        prefix = rare[: len(mine) - -(-len(mine) * 4 // 5) + 1]
        for other in {other for shingle in prefix for other in holders.get(shingle, ())}:
            both = len(mine & sets[other])
            found += both >= 0.8 * (len(mine) + len(sets[other]) - both)
        for shingle in prefix:
            holders.setdefault(shingle, []).append(place)
    return found


def test_files_hold_what_the_file_says(product: Product, questions: Questions, tmp_path: Path) -> None:
    manifest = of(product, minimum=0.5)
    done = export(product.store, manifest, Shaping(shape="table"), Into(tmp_path))
    assert sum(done.files.values()) == len(manifest)
    people: dict[str, str] = {}
    for split in ("train", "validation", "test"):
        for line in (tmp_path / f"{split}.jsonl").read_text("utf-8").splitlines():
            one = json.loads(line)
            place = int(one["decision"][1:])
            assert (one["prompt"], one["completion"]) == questions[place]
            assert (one["split"], one["reward"], one["origin"]) == (split, 1.0, "import")
            assert people.setdefault(one["owner"], split) == split
    assert manifest.sizes[0] > 4 * manifest.sizes[2] > 0
