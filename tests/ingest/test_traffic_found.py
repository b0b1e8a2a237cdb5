"""What calls say by themselves, in a ledger: found in each cycle, whatever came in between."""

from pathlib import Path
from random import Random
from typing import get_args

import pytest

import autotroph
from autotroph.clock import ReplayClock
from autotroph.errors import SpecError
from autotroph.govern.custody import Custody
from autotroph.govern.redaction import Redactor
from autotroph.ingest import finders
from autotroph.ingest.implicit import Implicit
from autotroph.records import Completion, Decision, Entry, Record, Reward, Signal, Terms
from autotroph.spec import parse
from autotroph.spec.traffic import Traffic
from autotroph.store import open_store
from ingest.judging import found_in
from ingest.passing import asked, rows
from ingest.talking import Talk, talks

NAMES = {kind: kind.replace(" ", "_") for kind in get_args(Traffic)}
TOML = "[product]\nname = 'p'\n[signals]\n" + "".join(
    f'{name} = {{ type = "boolean", traffic = "{kind}" }}\n' for kind, name in NAMES.items()
)


class Watch:
    """A ledger, and the signals that are found in it."""

    def __init__(self, path: Path, text: str = TOML) -> None:
        self.spec, self.clock = parse(text), ReplayClock("seven", at=0.0)
        self.store = open_store(path)
        self.open()

    def open(self) -> None:
        custody = Custody(self.store, "salt", Redactor((), {}))
        self.found = Implicit(self.spec, self.store, self.clock, custody)

    def take(self, now: float, *said: Record) -> None:
        self.store.append(*said).durable()
        self.clock.advance(now)
        assert self.found.take(now) == {}

    def true(self) -> dict[tuple[str, str], float]:
        """What is true by now, and since when."""
        newest = {(one.name, one.subject): one for one in self.store.scan(Signal, source="system")}
        return {place: one.at for place, one in newest.items() if one.value is True}


LATER = 2e9


def of_kind(kind: str) -> Talk:
    return next(one for one in talks(1, 20) if one.kind == kind)


def test_all_at_once_and_in_pieces_it_is_what_the_conversations_say(tmp_path, monkeypatch):
    """Rows come in any order, a few at a time, and the process is started anew in between."""
    monkeypatch.setattr(finders, "CALLS", 7)
    some = list(enumerate(talks(1, 45)))
    said = [row for number, talk in some for row in rows(number, talk)]
    wanted = {(NAMES[kind], f"{n}/{place}") for n, talk in some for place, kind in found_in(talk)}
    assert len({name for name, _ in wanted}) >= 6

    once, often, luck = Watch(tmp_path / "once.db"), Watch(tmp_path / "often.db"), Random(7)
    once.take(LATER, *said)
    luck.shuffle(said)
    while said:
        count = luck.randint(1, 40)
        often.take(luck.choice((LATER, 1_700_000_000.0 + luck.random() * 1e6)), *said[:count])
        del said[:count]
        if luck.random() < 0.3:
            often.open()
    often.take(LATER)
    assert once.true().keys() == wanted
    assert often.true() == once.true()

    count = often.store.last()
    often.open()
    often.take(LATER + 1)
    assert often.store.last() == count
    for one in (once, often):
        one.store.close()


def test_an_answer_that_comes_after_a_cycle_is_looked_at_in_the_next(tmp_path):
    talk = of_kind("refused")
    watch = Watch(tmp_path / "ledger.db")
    said = list(rows(0, talk))
    decisions = [row for row in said if isinstance(row, Decision)]
    watch.take(LATER, *decisions)
    assert watch.true() == {}
    watch.take(LATER + 1, *(row for row in said if not isinstance(row, Decision)))
    assert {name for name, _ in watch.true()} == {"refusal"}
    watch.store.close()


def test_an_answer_without_words_is_one(tmp_path):
    watch = Watch(tmp_path / "ledger.db")
    messages = [{"role": "user", "content": "How?"}]
    one = asked("a", "u", 5.0, inputs={"messages": messages, "request": {}}, session="s")
    watch.take(LATER, one, Completion(decision="a", output="", at=6.0, finish="refusal"))
    assert watch.true() == {("refusal", "a"): 6.0}
    watch.store.close()


def test_an_edit_is_the_text_that_it_became_where_that_is_declared(tmp_path):
    talk = of_kind("edited")
    text = "[product]\nname = 'p'\n[signals]\nwritten = { type = 'text', traffic = 'edit' }\n"
    watch = Watch(tmp_path / "ledger.db", text)
    watch.take(LATER, *rows(0, talk))
    (one,) = watch.store.scan(Signal, name="written")
    content = talk.calls[-1].messages[-1]["content"]
    asked = [message for said in talk.calls for message in said.messages if message["role"] == "user"]
    assert isinstance(one.value, str)
    assert any(one.value in str(message["content"]).replace("\\n", "\n") for message in asked), content
    watch.store.close()


def test_what_may_not_be_learned_from_stays_so(tmp_path):
    talk = of_kind("regenerated")
    watch = Watch(tmp_path / "ledger.db")
    watch.take(LATER, *rows(0, talk, terms=Terms(learn=False, region="eu"), verified=True))
    (one,) = watch.store.scan(Signal, name="regenerate")
    assert (one.terms.learn, one.terms.region, one.verified, one.user) == (False, "eu", True, "u0")
    watch.store.close()


def test_inputs_of_the_products_own_are_left_alone(tmp_path):
    talk = of_kind("refused")
    watch = Watch(tmp_path / "ledger.db")
    own = asked("own", "u", 5.0, inputs={"messages": "three", "request": 7}, session="s0")
    watch.take(
        LATER, own, Completion(decision="own", output="I can't help with that.", at=6.0), *rows(0, talk)
    )
    assert {subject for _, subject in watch.true()} == {f"0/{place}" for place, _ in talk.labels}
    watch.store.close()


PRODUCT = """
[product]
name = "p"
[models.small]
kind = "local"
[tasks.reply]
kind = "text"
reward = "fine"
policy = { kind = "longest", variant = "small" }
[tasks.reply.variants.small]
model = "small"
[signals]
refused = { type = "boolean", traffic = "refusal" }
[rewards.fine]
value = "1 - refused"
horizon = "1h"
silent = { refused = false }
[ladder]
holdback = 0.0
explore = 0.0
"""


class Refusing:
    """Answers, or does not."""

    def propose(self, inputs):
        from autotroph.records import Proposal

        refuses = inputs["messages"][-1]["content"] == "no"
        return [Proposal("small:one", "I'm sorry, but I can't help with that." if refuses else "Gladly: 3.")]

    def fresh(self):
        return self

    def frozen(self):
        return self

    def learn(self, text):
        raise AssertionError(text)


def test_silence_means_that_it_is_not_so_once_the_horizon_has_passed(tmp_path):
    path, clock = tmp_path / "autotroph.toml", ReplayClock("seven", at=1000.0)
    path.write_text(PRODUCT, "utf-8")
    with autotroph.open(path, models={"small": Refusing()}, clock=clock) as product:
        answers = {
            said: product.decide("reply", {"messages": [{"role": "user", "content": said}]}, user=said)
            for said in ("no", "yes")
        }
        product.cycle()
        assert list(product.store.scan(Reward)) == []
        clock.advance(1000.0 + 3601.0)
        product.cycle()
        worth = {
            said: [one.value for one in product.store.scan(Reward, decision=answer.id)]
            for said, answer in answers.items()
        }
        assert worth == {"no": [0.0], "yes": [1.0]}
        assert list(product.store.scan(Entry, event="signal failed")) == []


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        ('type = "number", traffic = "refusal"', "refusal is boolean"),
        ('type = "text", traffic = "rephrase"', "rephrase is boolean"),
        ('type = "number", traffic = "edit"', "edit is boolean or text"),
        ('type = "boolean", traffic = "regenrate"', "Did you mean 'regenerate'"),
        ('type = "boolean", traffic = "edit", about = "session"', "is about an answer"),
        ('type = "boolean", traffic = "edit", take = "first"', "one value"),
        ('type = "boolean", traffic = "edit", of = "other"', "or another one read again"),
        ('type = "boolean", traffic = "refusal", wait = "1m"', "nothing is waited for"),
        ('type = "boolean", wait = "1m"', "only for what traffic"),
        ('type = "boolean", of = "found"', "found and not sent"),
    ],
)
def test_what_is_wrong_with_one_is_said(declared, says):
    text = f"""[product]\nname = "p"\n[signals]\nother = {{ type = "boolean" }}
found = {{ type = "boolean", traffic = "abandonment", wait = "1h" }}\nmine = {{ {declared} }}\n"""
    with pytest.raises(SpecError, match=says):
        parse(text)
