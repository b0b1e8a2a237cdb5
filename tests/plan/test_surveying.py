"""Calls that ask for a model propose their own tasks."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

import autotroph
from autotroph.errors import InputError
from autotroph.ingest.sites import Template, template_of
from autotroph.plan.drafting import draft, name_of
from autotroph.plan.surveying import LEAST, SEEN, Survey, survey
from autotroph.records import IMPROVE, Decision, Record, Terms
from autotroph.spec import ModelSpec, ProductSpec, parse
from autotroph.store import Store, open_store
from ingest.judging import found_in
from ingest.passing import asked, rows
from ingest.talking import Talk, talks

DAY = 86_400.0
PRODUCT = ProductSpec(name="support")
SUPPORT = "You are a support bot for ACME. Today is {}. Customer: {}"
TOWNS = ("bern", "basel")
GUIDE = "you plan walks through the old town of {} and know each of its fountains by heart"


def prompted(talk: Talk, prompt: str, shift: float) -> Talk:
    """The same conversation at another call site, at another time."""
    system = [{"role": "system", "content": prompt}]
    calls = [
        said._replace(
            messages=system + [one for one in said.messages if one["role"] != "system"],
            at=said.at + shift,
            answered=said.answered + shift,
        )
        for said in talk.calls
    ]
    return talk._replace(calls=calls)


def passed(number: int, talk: Talk, **more: object) -> Iterator[Record]:
    for row in rows(number, talk):
        if isinstance(row, Decision):
            document = {**row.inputs["request"], "messages": row.inputs["messages"]}
            template = template_of("/chat/completions", {"messages": document["messages"]})
            request = {"path": "/chat/completions"}
            inputs = {"messages": document["messages"], "request": request}
            yield replace(row, task=template.site, inputs=inputs, **more)
        else:
            yield row


def said() -> list[Talk]:
    """Sixty conversations with a support bot, and thirty with a guide in two towns."""
    kinds = ("regenerated", "rephrased", "content", "left", "refused")
    some = [talk for talk in talks(1, 450) if talk.kind in kinds][:90]
    begun = some[0].calls[0].at
    made = []
    for number, talk in enumerate(some):
        prompt = SUPPORT.format(f"2026-11-{number % 28 + 1:02}", ("Ann", "Joe Bloggs")[number % 2])
        if number >= 60:
            prompt = GUIDE.format(TOWNS[number % 2])
        made.append(prompted(talk, prompt, begun - talk.calls[0].at + number * DAY / 9))
    return made


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = open_store(tmp_path / ".autotroph" / "ledger.db")
    yield found
    found.close()


@pytest.fixture
def passing(store: Store) -> tuple[list[Talk], Survey]:
    made = said()
    for number, talk in enumerate(made):
        store.append(*passed(number, talk, option="org/small.8b" if number % 5 else "large")).durable()
    return made, survey(store)


def test_call_sites_are_tasks_with_what_is_true_of_their_answers(passing):
    made, found = passing
    guide, support = sorted(found.tasks, key=lambda one: len(one.template.words), reverse=True)
    assert support.calls == sum(len(talk.calls) for talk in made[:60])
    assert (len(support.sites), len(guide.sites)) == (1, 2)  # the towns are one task
    assert (support.unit, support.units, guide.units) == ("user", 60, 30)
    assert list(support.models) == ["org/small.8b", "large"]
    for one, talks_ in ((support, made[:60]), (guide, made[60:])):
        true = [
            (kind, (number, place)) for number, talk in enumerate(talks_) for place, kind in found_in(talk)
        ]
        counted = {kind: sum(1 for other, _ in true if other == kind) for kind, _ in true}
        for kind, count in counted.items():
            assert 0 <= count - one.signals.get(kind, 0) <= 1  # who has just left may come back
        assert one.covered == pytest.approx(len({place for _, place in true}) / one.calls, abs=0.02)


def test_a_baseline_is_the_mean_of_units(passing):
    made, found = passing
    support = min(found.tasks, key=lambda one: len(one.template.words))
    chosen = {kind for kind, count in support.signals.items() if count >= SEEN}
    means = []
    for talk in made[:60]:
        bad = {place for place, kind in found_in(talk) if kind in chosen}
        means.append(1 - len(bad) / len(talk.calls))
    assert support.baseline is not None
    assert support.baseline.mean == pytest.approx(sum(means) / 60, abs=1e-9)
    assert support.baseline.low < support.baseline.mean < support.baseline.high
    assert support.flow.units == pytest.approx(60 / support.flow.days)


def test_what_is_proposed_is_read_opened_and_made_of_what_was_seen(passing, tmp_path):
    _, found = passing
    made = draft(found, PRODUCT, ModelSpec(kind="openai", base_url="https://llm.example.com/v1"))
    spec = parse(made.text)
    support, guide = (next(one for one in made.tasks if word in one.name) for word in ("support", "walks"))
    assert spec.sites == {site: one.name for one in made.tasks for site in one.surveyed.sites}
    assert spec.tasks[support.name].variants.keys() == {"org-small.8b"}
    assert spec.models["org-small.8b"].model == "org/small.8b"
    assert {one.traffic for one in spec.signals.values()} >= {"regenerate", "abandonment", "refusal"}
    _, reward = spec.reward_of(support.name)
    assert set(reward.silent) == {name for name in spec.signals if name in reward.value}
    assert support.effect is not None
    assert support.days is None or support.days > 0
    assert f"{support.surveyed.covered:.1%}" in made.text
    assert guide.surveyed.calls < support.surveyed.calls
    (tmp_path / "autotroph.toml").write_text(made.text, "utf-8")


def test_the_interval_is_wider_and_the_wait_longer_with_less_traffic(store):
    made = said()
    for number, talk in enumerate(made[:60]):
        store.append(*passed(number, talk)).durable()
    (few,) = draft(survey(store), PRODUCT).tasks
    for copy in range(1, 6):
        for number, talk in enumerate(made[:60]):
            again = prompted(talk, SUPPORT.format("2026-11-01", "Ann"), 60.0 * copy)
            store.append(*passed(1000 * copy + number, again)).durable()
    (many,) = draft(survey(store), PRODUCT).tasks
    assert many.surveyed.units == 360
    widths = [one.surveyed.baseline.high - one.surveyed.baseline.low for one in (few, many)]
    assert widths[1] < widths[0]
    assert many.days is not None
    assert few.days is None or many.days < few.days


def test_who_may_still_come_back_has_not_left(store):
    left = [talk for talk in talks(1, 900) if talk.kind == "left" and len(talk.calls) == 1][:4]
    for number, talk in enumerate([*left, *said()[:30]]):
        shift = (1 - talk.calls[0].at if number < 4 else 0.0) + 60.0 * number
        store.append(*passed(number, prompted(talk, "Be brief.", shift))).durable()
    last = Talk("left", [left[0].calls[0]._replace(at=3e9, answered=3e9 + 1)], set())
    (before,) = survey(store).tasks
    store.append(*passed(99, prompted(last, "Be brief.", 0.0))).durable()
    (now,) = survey(store).tasks
    later = Talk(
        "content", [left[0].calls[0]._replace(at=3e9 + 3600, answered=3e9 + 3601, output="Yes.")], set()
    )
    store.append(*passed(100, prompted(later, "Be brief.", 0.0))).durable()
    (then,) = survey(store).tasks
    counts = [one.signals["abandonment"] for one in (before, now, then)]
    assert counts[0] >= 4
    assert counts[2] == counts[1] + 1


def test_without_signals_there_is_no_reward(store):
    calm = [talk for talk in talks(1, 600) if talk.kind == "content"][:20]
    for number, talk in enumerate(calm):
        store.append(*passed(number, prompted(talk, "Be brief.", number * 600.0))).durable()
    made = draft(survey(store), PRODUCT)
    (task,) = made.tasks
    assert (task.reward, task.headroom) == ("", None)
    assert "no signal is true often enough" in made.text
    head, mark, example = made.text.partition("# [signals.solved]")
    rewarded = head.replace("# reward =", "reward =") + (mark + example).replace("\n# ", "\n")[2:]
    spec = parse(rewarded, "what the comments say")
    assert {one.reward for one in spec.tasks.values()} == {"solved_it"}
    assert spec.signals.keys() == {"solved"}
    assert "rewards" not in tomllib.loads(made.text)


def test_who_is_not_known_counts_by_conversation(store):
    for number, talk in enumerate(said()[:60]):
        store.append(*passed(number, talk, user="")).durable()
    (one,) = survey(store).tasks
    assert (one.unit, one.units) == ("session", 60)


def test_a_ledger_without_traffic_says_what_to_do(store):
    with pytest.raises(InputError, match="serve --upstream"):
        draft(survey(store), PRODUCT)
    store.append(asked("t", "u", 1.0, inputs={}, session="")).durable()
    with pytest.raises(InputError, match="of no call site there are enough"):
        draft(survey(store), PRODUCT)


def test_calls_that_may_not_be_learned_from_propose_nothing(store):
    for number, talk in enumerate(said()[:60]):
        terms = Terms(learn=number % 3 > 0, purposes=(IMPROVE,) if number % 3 > 1 else ("billing",))
        store.append(*passed(number, talk, terms=terms)).durable()
    agreed, whole = survey(store, agreed=True), survey(store)
    assert 0 < agreed.calls < whole.calls / 2
    assert agreed.tasks[0].units == 20


def test_embeddings_and_rare_sites_are_counted_and_left_out(store):
    path = {"request": {"path": "/embeddings"}}
    for number in range(LEAST):
        one = asked(f"e{number}", "u", float(number), inputs=path, session="")
        store.append(replace(one, task="site-eeeeeeeeee")).durable()
    store.append(
        asked("rare", "u", 1.0, inputs={"messages": [{"role": "user", "content": "Hi"}]}, session="")
    ).durable()
    found = survey(store)
    assert (found.calls, found.silent, found.rare, found.tasks) == (LEAST + 1, LEAST, 1, ())


@pytest.mark.parametrize(
    ("template", "name"),
    [
        (Template("", ("you", "are", "a", "helpful", "assistant", "answer", "briefly")), "briefly"),
        (Template("", ("du", "bist", "für", "münchen", "da"), ()), "bist-munchen"),
        (Template("", (), ("find_order",)), "find-order"),
        (Template("", (), (), ("json_schema", "Bill Of Sale", "sum")), "bill-of-sale"),
        (Template("", ("翻訳",)), "chat"),
        (Template(""), "chat"),
    ],
)
def test_a_task_is_called_by_what_it_is_asked_for(template, name):
    assert name_of(template) == name


def test_names_and_models_that_would_be_the_same_get_numbers(passing):
    _, found = passing
    one = found.tasks[0]
    twins = [
        replace(one, sites=(f"site-000000000{number}",), models={model: 9})
        for number, model in enumerate(("a/b", "a-b", "a:b", "upstream"))
    ]
    made = draft(replace(found, tasks=tuple(twins)), PRODUCT)
    spec = parse(made.text)
    assert len(spec.tasks) == 4
    assert {name: model.model for name, model in spec.models.items()} == {
        "a-b": "a/b",
        "a-b-2": "a-b",
        "a-b-3": "a:b",
        "upstream-2": "upstream",
        "upstream": "",  # who answers what is of no task
    }


def test_it_opens(passing, tmp_path, store):
    _, found = passing
    store.close()
    path = tmp_path / "autotroph.toml"
    path.write_text(draft(found, PRODUCT).text, "utf-8")
    with autotroph.open(path) as product:
        product.cycle()
        assert product.spec.sites
