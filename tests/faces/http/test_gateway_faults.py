"""Upstreams that fail behind a gateway that is served: somebody else answers, or it is said plainly."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product as every
from pathlib import Path

import openai
import pytest
from gateways import SECRET, SHORT, TOML, Gateway, events, failing, gateway, text
from servers import Answer, signal, until

from autotroph.records import Reward
from autotroph.testing.flaky import Fault
from autotroph.testing.flaky.answers import CACHED, READ, TOKENS, WRITTEN
from autotroph.testing.flaky.script import What, When
from autotroph.testing.invariants import no_failed_answer_earns_a_reward
from promoted_product import promote

WHATS: tuple[What, ...] = ("cut", "stall", "malformed", "in-band error", "429", "5xx")
STATUS = {"cut": 502, "stall": 504, "malformed": 502, "in-band error": 500, "429": 429, "5xx": 503}
"""Of an answer that there is not, for whoever asked."""

SAID = "".join(TOKENS)
SMALL = ((READ - CACHED) * 1.0 + CACHED * 0.1 + WRITTEN * 2.0) / 1e6
LARGE = SMALL * 10
CELLS = list(every(WHATS, ("before", "after"), ("whole", "streamed"), ("bare", "safe")))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTOTROPH_TEST_KEY", SECRET)
        with gateway(tmp_path_factory.mktemp("faults"), calls=SHORT) as found:
            yield found


@pytest.mark.parametrize(("what", "when", "how", "task"), CELLS)
def test_a_fault_is_answered_by_the_fallback_or_said(
    served: Gateway, what: What, when: When, how: str, task: str
) -> None:
    asked = served.large.received
    with failing(served.small, what, when):
        answer = served.chat(task, stream=how == "streamed")
    begun = how == "streamed" and when == "after"
    if task == "safe" and not begun:
        _is_answered(served, answer, "large", LARGE)
    elif begun:
        _breaks_off(served, answer)
    else:
        _is_refused(served, answer, what, when)
    assert served.large.received == asked + (task == "safe" and not begun)
    assert SECRET not in str(answer)


def _is_answered(served: Gateway, answer: Answer, by: str, cost: float) -> None:
    assert answer.status == 200
    assert text(answer) == SAID
    assert answer.headers["x-autotroph-answered-by"] == by
    assert answer.headers["x-autotroph-recorded"] == "yes"
    if answer.headers["content-type"].startswith("text/event-stream"):
        assert events(answer)[-1] == "[DONE]"
    row = served.completion(served.decision(answer).id)
    assert (row.error, row.output, row.finish) == ("", SAID, "stop")
    assert row.cost_usd == pytest.approx(cost)
    assert (row.tokens_in, row.tokens_cached, row.tokens_out) == (READ, CACHED, WRITTEN)


def _breaks_off(served: Gateway, answer: Answer) -> None:
    assert answer.status == 200
    assert text(answer) == TOKENS[0]
    found = events(answer)
    assert "[DONE]" not in found
    assert set(found[-1]) == {"error"}
    assert found[-1]["error"]["message"]
    row = served.completion(served.decision(answer).id)
    assert row.error
    assert row.output == TOKENS[0]
    assert row.cost_usd > 0  # what came has cost something, if not as much as all of it
    assert row.tokens_out > 0


def _is_refused(served: Gateway, answer: Answer, what: str, when: str) -> None:
    within = {"429": 500, "5xx": 500} if when == "after" else {}  # an answer that began with success
    assert answer.status == within.get(what, STATUS[what]), answer
    assert answer.error["message"]
    assert answer.headers["x-should-retry"] == "false"
    row = served.completion(served.decision(answer).id)
    assert row.error
    assert row.output == ""


@pytest.mark.parametrize("what", WHATS)
@pytest.mark.parametrize("when", ["before", "after"])
def test_openais_client_raises(served: Gateway, what: What, when: When) -> None:
    """Once, and it does not try again by itself what was tried already."""
    client = openai.OpenAI(
        base_url=f"http://127.0.0.1:{served.port}/v1", api_key=served.secrets["decide"], max_retries=3
    )
    with failing(served.small, what, when), client, pytest.raises(openai.APIError):
        for _ in client.chat.completions.create(
            model="bare", messages=[{"role": "user", "content": "Is that it?"}], stream=True
        ):
            pass


@pytest.mark.parametrize("what", ["cut", "429", "5xx", "in-band error"])
def test_calls_stay_within_the_budget_of_retries_when_all_fails(tmp_path: Path, what: What) -> None:
    """Each offered call, and one in ten again, of which two are there from the beginning."""
    with gateway(tmp_path, TOML.replace("retries = 0", 'retries = 3, retry_wait = "100ms"')) as found:
        found.small.always = found.large.always = Fault(what)
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda n: found.chat("safe", stream=n % 2 == 0), range(60)))
        assert {answer.status for answer in answers} == {STATUS[what]}
        assert 60 <= found.small.received <= 72
        assert 60 <= found.large.received <= 72


def test_an_upstream_that_fails_again_and_again_is_left_alone(tmp_path: Path) -> None:
    with gateway(tmp_path, TOML.replace("1_000_000", "5")) as found:
        found.small.always = Fault("5xx")
        answers = [found.chat("bare", stream=n % 2 == 0) for n in range(20)]
        assert {answer.status for answer in answers} == {503}
        assert answers[-1].error["code"] == "upstream_open"
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert found.small.received == 5


def test_what_is_tried_and_fails_costs_nobody_an_answer_and_pays_for_it(served: Gateway) -> None:
    promote(served.product, "risky", task="tried", share=0.5)
    served.small.always = Fault("5xx")
    answers = [served.chat("tried", stream=n % 2 == 0) for n in range(40)]
    served.small.always = None
    assert [answer for answer in answers if answer.status != 200 or text(answer) != SAID] == []
    assert {answer.headers["x-autotroph-answered-by"] for answer in answers} == {"first"}
    tried = [one for one in answers if one.headers["x-autotroph-variant"] == "other"]
    assert len({one.headers["x-autotroph-arm"] for one in tried} - {"holdback"}) > 1  # others explore
    for answer in answers:
        row = served.completion(served.decision(answer).id)
        assert ("did not answer: models.small" in row.error) == (answer in tried)
        assert row.output == SAID


def test_what_failed_earns_nothing_whatever_is_said_of_it(served: Gateway) -> None:
    served.small.faults.extend([Fault("5xx"), Fault("cut", "after"), None])
    answers = [served.chat("bare", stream=True) for _ in range(3)]
    ids = [answer.headers["x-autotroph-decision"] for answer in answers]
    for id_ in ids:
        assert served.post("/v1/signals", {**signal(0), "subject": id_, "name": "solved"}).status == 200
    until(lambda: served.product.clock.now() > served.completion(ids[-1]).at + 1.0)
    served.product.cycle()
    values = {row.decision: row.value for row in served.product.store.scan(Reward, name="good")}
    assert [values[id_] for id_ in ids] == [0.0, 0.0, 1.0]
    no_failed_answer_earns_a_reward(served.product.store, served.product.spec)
