"""Datasets of a real product: what gets in, what never does, and that a ledger gives one digest."""

from pathlib import Path

import msgspec
import pytest

import typing_product
from autotroph.digest.datasets.building import Built, build
from autotroph.digest.datasets.comparing import compare
from autotroph.digest.datasets.contents import contents
from autotroph.digest.datasets.manifest import (
    KIND,
    freeze,
    gone,
    holding,
    learned_from,
    load,
    manifest_of,
    names,
)
from autotroph.digest.datasets.recipe import Recipe
from autotroph.errors import InputError, SpecError, UnknownName
from autotroph.faces.library import Product
from autotroph.ingest.arrivals import DecisionIn
from autotroph.records import Artefact, Candidate, Decision, Terms
from support_product import ask, opened, pass_time

RECIPE = Recipe(task="reply", near=0.0, validation=0.2, test=0.2)
WRITTEN = msgspec.structs.replace(RECIPE, target="edited")


def of(product: Product, recipe: Recipe = RECIPE, through: int | None = None) -> Built:
    return build(product.store, product.spec, recipe, through=through)


def held(product: Product, recipe: Recipe = RECIPE) -> dict[str, str]:
    """What is learned, by the user that asked."""
    manifest = of(product, recipe).manifest
    found = {}
    for one, content in zip(manifest, contents(product.store, manifest), strict=True):
        decision = product.store.get(Decision, sequence=one.decision)
        assert decision is not None
        assert content is not None
        found[decision.user] = content.text
    return found


def used(product: Product, users: int = 60) -> dict[str, str]:
    """Everybody asks something else; two of three accept, every second writes on. The decisions by user."""
    ids = {}
    for number in range(users):
        user = f"u{number}"
        ids[user] = ask(product, user, f"question number {number}")
        if number % 3:
            product.signal(ids[user], "accepted", True)
        else:
            product.signal(ids[user], "accepted", False)
        if number % 2 == 0:
            product.signal(ids[user], "edited", f"what {user} wrote")
    pass_time(product)
    return ids


def gated(product: Product) -> set[str]:
    return {one.user for one in product.store.scan(Decision, fold="gate")}


# what gets in --------------------------------------------------------------------------------------------


def test_everybody_but_the_gates_fold(tmp_path: Path) -> None:
    with opened(tmp_path) as product:
        used(product)
        built = of(product)
        assert set(held(product)) == {f"u{n}" for n in range(60)} - gated(product)
        assert built.left == {"of the gate's fold": len(gated(product))}
        assert gated(product)
        assert built.answers == 60


def test_by_reward_and_by_what_was_written(tmp_path: Path) -> None:
    with opened(tmp_path) as product:
        used(product)
        good = held(product, msgspec.structs.replace(RECIPE, minimum=0.5))
        bad = held(product, msgspec.structs.replace(RECIPE, maximum=0.5))
        written = held(product, WRITTEN)
    assert good
    assert all(int(user[1:]) % 3 for user in good)
    assert not any(int(user[1:]) % 3 for user in bad)
    assert good.keys() | bad.keys() >= written.keys()
    assert written
    assert all(text == f"what {user} wrote" for user, text in written.items())


def test_what_was_not_agreed_to_never_gets_in(tmp_path: Path) -> None:
    silent = Terms(learn=False)
    with opened(tmp_path) as product:
        users = [f"v{n}" for n in range(40)]
        ids = {user: ask(product, user, f"about {user}") for user in users[:20]}
        ids |= {user: ask(product, user, f"about {user}", terms=silent) for user in users[20:30]}
        other = Terms(purposes=("report",))
        ids |= {user: ask(product, user, f"about {user}", terms=other) for user in users[30:]}
        for place, (user, id_) in enumerate(ids.items()):
            product.signal(id_, "accepted", True, terms=silent if place < 5 else None)
            product.signal(id_, "edited", f"{user} wrote", terms=silent if place in (7, 8) else None)
        pass_time(product)
        served, written = held(product), held(product, WRITTEN)
        agreed = set(users[5:20]) - gated(product)
    assert set(served) == agreed
    assert set(written) == agreed - {"v7", "v8"}


def test_purposes_must_all_have_been_agreed_to(tmp_path: Path) -> None:
    both = Terms(purposes=("improve", "share"))
    with opened(tmp_path) as product:
        for n in range(20):
            id_ = ask(product, f"u{n}", f"about {n}", terms=both if n % 2 else None)
            product.signal(id_, "accepted", True, terms=both)
        pass_time(product)
        found = held(product, msgspec.structs.replace(RECIPE, purposes=("share",)))
        assert set(found) == {f"u{n}" for n in range(1, 20, 2)} - gated(product)


def test_imports_or_the_products_own(tmp_path: Path) -> None:
    with opened(tmp_path) as product:
        used(product, 20)
        signals = {"accepted": True}
        product.take(
            [
                DecisionIn(
                    task="reply",
                    inputs={"text": f"old question {n}"},
                    output=f"old answer {n}",
                    user=f"old{n}",
                    signals=signals,
                )
                for n in range(20)
            ]
        )
        pass_time(product)
        own = held(product, msgspec.structs.replace(RECIPE, source="product"))
        old = held(product, msgspec.structs.replace(RECIPE, source="import"))
        origins = of(product, msgspec.structs.replace(RECIPE, source="import")).manifest.origins
    assert own
    assert all(user.startswith("u") for user in own)
    assert len(old) > 5
    assert all(text == f"old answer {user[3:]}" for user, text in old.items())
    assert set(origins) == {1}


def test_a_reward_that_is_not_final_is_none(tmp_path: Path) -> None:
    with opened(tmp_path) as product:
        for n in range(9):
            product.signal(ask(product, f"u{n}"), "accepted", True)
        product.cycle()
        built = of(product)
        assert len(built.manifest) == 0
        assert built.left["no final reward"] == 9 - len(gated(product))


def test_preferences_are_what_was_written_over_what_was_put_out(tmp_path: Path) -> None:
    recipe = msgspec.structs.replace(WRITTEN, pairs=True)
    with opened(tmp_path) as product:
        ids = used(product)
        same = ask(product, "same", "again")
        decision = product.store.get(Decision, id=same)
        assert decision is not None
        taken = next(one.output for one in decision.proposals if one.option == decision.option)
        product.signal(same, "edited", taken)
        product.signal(same, "accepted", True)
        pass_time(product)
        manifest = of(product, recipe).manifest
        texts = list(contents(product.store, manifest))
    assert 10 < len(manifest) < len(ids)
    for one, content in zip(manifest, texts, strict=True):
        assert content is not None
        assert content.text.startswith("what u")
        assert content.rejected == content.served
        assert content.rejected.startswith("yes")
        assert (one.other, one.against) == (one.decision, one.reward)


# frozen --------------------------------------------------------------------------------------------------


def test_the_same_ledger_gives_the_same_digest(tmp_path: Path) -> None:
    with opened(tmp_path) as product:
        used(product)
        first = of(product).manifest
        product.store.append(freeze(first)).durable()
        assert of(product).manifest.digest == first.digest
        product.signal(ask(product, "new"), "accepted", True)
        pass_time(product)
        assert of(product).manifest.digest != first.digest
        assert of(product, through=first.basis.through).manifest.digest == first.digest
        assert load(product.store, first.digest[:8]) == first
        assert of(product, msgspec.structs.replace(RECIPE, seed=1)).manifest.digest != first.digest


def test_a_late_signal_is_a_changed_reward(tmp_path: Path) -> None:
    with opened(tmp_path) as product:
        ids = used(product)
        before = of(product).manifest
        user = next(user for user in held(product) if int(user[1:]) % 3)
        decision = product.store.get(Decision, id=ids[user])
        assert decision is not None
        product.signal(ids[user], "accepted", False, at=decision.at + 60, key="late")
        ask(product, "more", "one more question")
        pass_time(product)
        after = of(product).manifest
        found = compare(before, after)
    assert found.counts()["reward"] == 1
    changed = next(one for one in found.list if one.change == "reward")
    assert changed.before is not None
    assert changed.after is not None
    assert (changed.decision, changed.before.reward, changed.after.reward) == (decision.sequence, 1.0, 0.0)
    assert set(found.asked) == {"through"}
    assert {one.change for one in compare(after, before).list} <= {"reward", "removed"}
    assert compare(before, before).list == []


def test_splits_that_moved_and_texts_that_changed_are_told(tmp_path: Path) -> None:
    with opened(tmp_path) as product:
        used(product)
        before, after = of(product).manifest, of(product, msgspec.structs.replace(RECIPE, seed=7)).manifest
        written = of(product, WRITTEN).manifest
    moved = {one.decision for one in compare(before, after).list if one.change == "split"}
    sides = [{one.decision: one.split for one in manifest} for manifest in (before, after)]
    assert moved == {place for place, split in sides[0].items() if sides[1].get(place, split) != split}
    assert moved
    assert compare(before, written).counts()["content"] == len(written)


def test_no_text_and_no_id_is_in_a_manifest(tmp_path: Path) -> None:
    with opened(tmp_path) as product:
        ids = used(product)
        body = freeze(of(product, WRITTEN).manifest).body
    for mark in ("wrote", "question", "yes", *ids.values(), '"u1'):
        assert mark.encode() not in body


def test_who_is_erased_is_gone_from_every_dataset(tmp_path: Path) -> None:
    with opened(tmp_path) as product:
        ids = used(product)
        manifest = of(product, WRITTEN).manifest
        product.store.append(freeze(manifest)).durable()
        user = next(iter(held(product, WRITTEN)))
        assert set(holding(product.store, decision=ids[user])) == {manifest.digest}
        product.erase(user)
        assert gone(product.store, manifest) == 1
        assert list(contents(product.store, manifest)).count(None) == 1
        assert user not in held(product, WRITTEN)
        assert [len(each) for each in holding(product.store, user=user).values()] == [1]
        with pytest.raises(InputError, match="look for its user"):
            holding(product.store, decision=ids[user])


def test_lineage_from_a_candidate_to_its_dataset(tmp_path: Path) -> None:
    with opened(tmp_path) as product:
        used(product)
        manifest = of(product).manifest
        product.store.append(freeze(manifest)).durable()
        assert learned_from(product.store, manifest.digest) == []
        made = msgspec.structs.replace(_candidate(product), snapshot=manifest.digest)
        product.store.append(made).durable()
        assert [one.id for one in learned_from(product.store, manifest.digest)] == [made.id]
        kept = [row.digest for row in product.store.scan(Artefact) if row.kind == KIND]
        assert kept == names(product.store) == [manifest.digest]


def _candidate(product: Product) -> Candidate:
    from autotroph.records import Body

    return Candidate(
        id="candidate_1",
        task="reply",
        name="tuned",
        track="sft",
        parent="",
        body=Body(kind="choice", variants={}, policy="p"),
        snapshot="",
        at=product.clock.now(),
    )


# origins -------------------------------------------------------------------------------------------------


def test_little_of_people_is_warned_about(tmp_path: Path) -> None:
    with opened(tmp_path) as product:
        used(product)
        served, written = of(product).manifest, of(product, WRITTEN).manifest
    assert (served.human, written.human) == (0.0, 1.0)
    assert "below 30%" in served.warning
    assert written.warning == ""


def test_what_a_person_left_as_it_was_is_not_a_persons(tmp_path: Path) -> None:
    with opened(tmp_path) as product:
        for n in range(20):
            answer = product.decide("reply", {"text": f"q{n}"}, user=f"u{n}", options=_one(n))
            product.signal(answer.id, "edited", f"YES  number {n}" if n % 2 else f"no, {n}")
            product.signal(answer.id, "accepted", True)
        pass_time(product)
        manifest = of(product, WRITTEN).manifest
        texts = [one.text for one in contents(product.store, manifest) if one]
    assert manifest.human == sum(text.startswith("no") for text in texts) / len(texts)
    assert 0 < manifest.human < 1


def _one(n: int) -> list[object]:
    from autotroph.records import Proposal

    return [Proposal("only", f"yes number {n}")]


# refusals ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "error", "said"),
    [
        ({"task": "rely"}, UnknownName, "Did you mean 'reply'"),
        ({"target": "editd"}, UnknownName, "Did you mean 'edited'"),
        ({"target": "accepted"}, UnknownName, "text signal about a decision"),
        ({"source": "elsewhere"}, UnknownName, "known: import, product"),
        ({"validation": 0.6, "test": 0.4}, InputError, "together below 1"),
        ({"test": -0.1}, InputError, "not negative"),
        ({"near": 0.3}, InputError, "between 0.7 and 1"),
        ({"near": float("nan")}, InputError, "finite"),
        ({"minimum": 0.9, "maximum": 0.1}, InputError, "above the largest"),
        ({"per_user": -1}, InputError, "0 for no limit"),
    ],
)
def test_what_cannot_be_asked_for(
    changed: dict[str, object], error: type[Exception], said: str, tmp_path: Path
) -> None:
    with opened(tmp_path) as product, pytest.raises(error, match=said):
        of(product, msgspec.structs.replace(RECIPE, **changed))


def test_a_task_without_a_reward_and_a_dataset_that_is_not_there(tmp_path: Path) -> None:
    with opened(tmp_path, '[tasks.free]\nkind = "text"\n') as product:
        with pytest.raises(SpecError, match="declares no reward"):
            of(product, Recipe(task="free"))
        product.store.append(freeze(of(product).manifest)).durable()
        with pytest.raises(UnknownName, match="no dataset named"):
            load(product.store, "0123456789")
        with pytest.raises(InputError, match="at least 6 digits"):
            load(product.store, "")


def test_an_empty_dataset_is_one(tmp_path: Path) -> None:
    with opened(tmp_path) as product:
        built = of(product)
        assert (len(built.manifest), built.manifest.sizes, built.manifest.warning) == (0, (0, 0, 0), "")
        assert manifest_of([], built.manifest.recipe, built.manifest.basis) == built.manifest


# answers to the same question ----------------------------------------------------------------------------


def test_the_best_answer_over_the_worst(tmp_path: Path) -> None:
    with typing_product.opened(tmp_path) as product:
        typing_product.rounds(product, 3)
        recipe = Recipe(task="finish", pairs=True, near=0.0, validation=0.0, test=0.0)
        built = of(product, recipe)
        found = list(zip(built.manifest, contents(product.store, built.manifest), strict=True))
        assert len(found) > 20
        for one, content in found:
            assert content is not None
            assert one.against is not None
            assert one.reward > one.against
            assert content.text == typing_product.word(int(content.inputs["number"]))
            assert content.rejected == "zzzz"
            (best, worst) = (product.store.get(Decision, sequence=each) for each in (one.decision, one.other))
            assert best is not None
            assert worst is not None
            assert best.about == worst.about
            assert best.fold != "gate"


def test_a_session_that_nobody_may_learn_from_bars_its_decisions(tmp_path: Path) -> None:
    with opened(tmp_path, SESSIONS) as product:
        for n in range(30):
            answer = product.decide("chat", {"text": f"q{n}"}, user=f"u{n}", session=f"s{n}", options=_one(n))
            assert answer.durable()
            terms = Terms(learn=False) if n < 10 else None
            product.signal(f"s{n}", "resolved", True, terms=terms)
            if n >= 20:  # what does not count bars nobody: it came when the horizon had passed
                late = product.clock.now() + 7200.0
                product.signal(f"s{n}", "resolved", True, terms=Terms(learn=False), at=late, key=f"late{n}")
        pass_time(product)
        found = held(product, Recipe(task="chat", near=0.0))
        assert set(found) == {f"u{n}" for n in range(10, 30)} - gated(product)


SESSIONS = """
[tasks.chat]
kind = "text"
unit = "user"
reward = "solved"
[rewards.solved]
value = "resolved"
horizon = "1h"
"""
