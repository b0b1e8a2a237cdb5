"""Near duplicates are found, and nothing else is."""

import random
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotroph.digest.datasets.near import CROWD, SKETCH, Crowd, Sketches, normalised

NEAR = 0.8


def vocabulary(luck: random.Random) -> list[str]:
    return ["".join(luck.choices(string.ascii_lowercase, k=luck.randint(3, 9))) for _ in range(4000)]


def planted(length: int, changes: int, seed: int) -> tuple[list[str], set[int]]:
    """Two thousand texts, and 400 copies with a few letters changed; the places of the copies."""
    luck = random.Random(seed)
    words = vocabulary(luck)
    texts = [" ".join(luck.choices(words, k=length)) for _ in range(2000)]
    copies = []
    for original in luck.sample(texts, 400):
        letters = list(original)
        for place in luck.sample(range(len(letters)), changes):
            letters[place] = luck.choice(string.ascii_lowercase)
        copies.append("".join(letters))
    return texts + copies, set(range(2000, 2400))


def dropped(texts: list[str], near: float = NEAR) -> set[int]:
    sketches = Sketches()
    sketches.add(texts)
    crowd, found = Crowd(sketches, near), set()
    for place in range(len(texts)):
        if crowd.like(place):
            found.add(place)
        else:
            crowd.keep(place)
    return found


def shingles(text: str) -> set[str]:
    return {text[place : place + 5] for place in range(max(1, len(text) - 4))}


def jaccard(one: str, other: str) -> float:
    a, b = shingles(one), shingles(other)
    return len(a & b) / len(a | b)


@pytest.mark.parametrize(("length", "changes"), [(20, 1), (60, 5), (300, 20)])
def test_planted_copies_are_found_and_nothing_else(length: int, changes: int) -> None:
    texts, copies = planted(length, changes, seed=length)
    found = dropped(texts)
    recall, precision = len(found & copies) / len(copies), len(found & copies) / max(1, len(found))
    assert (recall, precision) >= (0.99, 0.99)
    assert precision >= 0.99


def test_what_is_only_somewhat_alike_stays() -> None:
    luck = random.Random(5)
    words = vocabulary(luck)
    first = luck.choices(words, k=40)
    texts = [" ".join([*first[:20], *luck.choices(words, k=20)]) for _ in range(300)]
    assert dropped(texts) == set()


def test_short_and_empty_texts_are_texts() -> None:
    assert dropped(["", "a", "a", "b", "", "ab", "abcde", "abcde"]) == {2, 4, 7}


def test_the_similarity_of_long_texts_is_estimated_well() -> None:
    luck = random.Random(9)
    words = vocabulary(luck)
    first = luck.choices(words, k=2000)
    misses = []
    for share in (0.02, 0.05, 0.1, 0.2):
        other = [luck.choice(words) if luck.random() < share else word for word in first]
        one, two = " ".join(first), " ".join(other)
        sketches = Sketches()
        sketches.add([one, two])
        misses.append(abs(sketches.similarity(0, 1) - jaccard(one, two)))
        assert len(shingles(one)) > SKETCH
    assert max(misses) < 0.08


@settings(max_examples=60)
@given(st.lists(st.text(alphabet="abc \n✓é𝕏", max_size=40), max_size=12))
def test_sketches_say_what_sets_say(texts: list[str]) -> None:
    sketches = Sketches()
    sketches.add(texts)
    for one in range(len(texts)):
        for other in range(len(texts)):
            same = texts[one] == texts[other]
            assert (sketches.similarity(one, other) == 1.0) >= same
            padded = [f"{texts[place] or chr(0)}{chr(0) * 4}" for place in (one, other)]
            assert sketches.similarity(one, other) == pytest.approx(jaccard(*padded))


@settings(max_examples=60)
@given(st.lists(st.text(alphabet="ab", min_size=8, max_size=30), max_size=30))
def test_equal_texts_are_always_found(texts: list[str]) -> None:
    found = dropped(texts, near=1.0)
    first = {text: texts.index(text) for text in texts}
    assert {place for place, text in enumerate(texts) if first[text] != place} <= found


def test_a_crowd_of_one_form_is_bounded() -> None:
    luck = random.Random(3)
    form = " ".join(luck.choices(vocabulary(luck), k=30))
    texts = [f"{form} {luck.getrandbits(400):x}" for _ in range(CROWD * 3)]
    assert len(dropped(texts, near=0.99)) == 0


def test_normalised_is_what_a_reader_sees() -> None:
    assert normalised("Ｌost\u00a0 my\nCARD ") == normalised("lost my card")
