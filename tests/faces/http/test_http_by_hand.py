"""What a person does by hand, over HTTP: freezes, approvals, experiments, and a look at the plan."""

import threading

import pytest
from servers import SHOP, Client

from autotroph.plan.steps import planned
from autotroph.records import Entry, Verdict
from autotroph.spec.policies import First
from autotroph.unattended.freezing import FARTHEST, frozen, halted

ARMS = {"task": "route", "arms": {"now": "main", "cards": "cards"}, "share": 0.4}


@pytest.fixture
def thawed(client: Client) -> Client:
    """Nothing is frozen."""
    if frozen(client.product.store, client.product.clock.now()):
        client.product.thaw()
    return client


def stands_still(client: Client, task: str = "route") -> str:
    product = client.product
    return halted(product.store, product.spec, task, product.clock.now())


class TestFreezing:
    def test_a_freeze_holds_until_it_is_thawed_and_says_whose_key_it_was(self, thawed: Client) -> None:
        end = thawed.product.clock.now() + 3600.0
        said = {"task": "route", "until": end, "reason": "the sale"}
        answer = thawed.post("/v1/freeze", said, key="operate")
        assert answer.status == 200
        assert answer.value == {**said, "by": "key 'operate'", "since": answer.value["since"]}
        assert "the sale" in stands_still(thawed)
        (need,) = [one for one in thawed.get("/v1/status").value["needs"] if one["subject"] == "route"
                   and "frozen" in one["what"]]  # fmt: skip
        assert "key 'operate'" in need["what"]
        assert thawed.post("/v1/thaw", {"task": "route"}).value == {"task": "route", "still": {}}
        assert stands_still(thawed) == ""

    def test_thawing_a_task_says_that_everything_is_frozen_all_the_same(self, thawed: Client) -> None:
        for said in ({}, {"task": "route"}):
            assert thawed.post("/v1/freeze", said).value["until"] is None
        still = thawed.post("/v1/thaw", {"task": "route"}).value["still"]
        assert still["route"].startswith("frozen by key")
        assert thawed.post("/v1/thaw", {}).value == {"task": "", "still": {}}

    def test_it_waits_for_no_cycle(self, thawed: Client) -> None:
        with thawed.product._turning:
            cycles = [threading.Thread(target=thawed.post, args=("/v1/cycle",)) for _ in range(4)]
            for one in cycles:
                one.start()
            answers: list[int] = []
            freeze = threading.Thread(target=lambda: answers.append(thawed.post("/v1/freeze", {}).status))
            freeze.start()
            freeze.join(20)
            assert answers == [200]
        for one in cycles:
            one.join(60)

    @pytest.mark.parametrize(
        ("path", "said", "message"),
        [
            ("freeze", {"task": "rout"}, "Did you mean 'route'"),
            ("freeze", {"until": 1.0}, "that is over"),
            ("freeze", {"until": 2 * FARTHEST}, "until"),
            ("freeze", {"until": "tomorrow"}, "until"),
            ("freeze", {"untill": 1.0}, "Did you mean 'until'"),
            ("thaw", {}, "nothing is frozen"),
            ("approve", {"candidate": "none"}, "no candidate under way named 'none'"),
            ("approve", {}, "candidate"),
            ("experiments", {"name": "tone"}, "no experiment named 'tone'"),
            ("experiments", {"name": "x", "declared": {**ARMS, "by": "me"}}, "by"),
            ("experiments", {"name": "x", "declared": {**ARMS, "shares": 1}}, "Did you mean 'share'"),
            ("experiments", {"name": "x", "declared": {**ARMS, "arms": {"a": "main"}}}, "two arms"),
        ],
    )
    def test_what_cannot_be_done_says_why(
        self, thawed: Client, path: str, said: object, message: str
    ) -> None:
        answer = thawed.post(f"/v1/{path}", said)
        assert (answer.status, answer.error["type"]) == (422, "invalid")
        assert message in answer.error["message"]


class TestApproving:
    def test_a_candidate_is_approved_by_its_name(self, thawed: Client) -> None:
        candidate = thawed.product.propose("route", "cards first", policy=First())
        answer = thawed.post("/v1/approve", {"candidate": "cards first"}, key="operate")
        assert answer.value == {"candidate": candidate.id, "task": "route", "name": "cards first"}
        verdict = thawed.product.store.get(Verdict, candidate=candidate.id, judge="person")
        assert verdict is not None
        assert verdict.reason == "by key 'operate'"


class TestExperiments:
    def test_one_is_started_looked_at_and_concluded(self, thawed: Client) -> None:
        begun = thawed.post("/v1/experiments", {"name": "quick", "declared": ARMS}, key="operate").value
        assert (begun["name"], begun["share"], [*begun["arms"]]) == ("quick", 0.4, ["now", "cards"])
        (seen,) = thawed.get("/v1/experiments", key="read").value["items"]
        assert seen["experiment"] == begun
        assert seen["ended"] is None
        assert seen["results"]["contrasts"][0]["finding"] == "undecided"

        path, said = "/v1/experiments/quick/conclude", {"decision": "cards it is", "propose": "cards"}
        assert thawed.post(path, {"decision": " "}).status == 422
        assert thawed.post(path, {**said, "propose": "crads"}).status == 422
        done = thawed.post(path, said, key="operate").value
        assert (done["ended"]["by"], done["ended"]["decision"]) == ("key 'operate'", "cards it is")
        assert thawed.get("/v1/experiments").value == {"items": [done], "not_started": []}
        assert "quick: cards" in [one.name for one in thawed.product.rooms.desks["route"].board.waiting()]
        again = thawed.post(path, said)
        assert (again.status, again.error["where"]) == (404, "path")

    def test_none_starts_while_nothing_may_advance(self, thawed: Client) -> None:
        thawed.post("/v1/freeze", {"reason": "audit"})
        answer = thawed.post("/v1/experiments", {"name": "later", "declared": ARMS})
        assert answer.status == 422
        assert "audit" in answer.error["message"]


def test_the_plan_is_the_one_that_the_library_makes(client: Client) -> None:
    product = client.product
    said = client.get("/v1/plan", key="read").value
    found = planned(product.store, product.spec)
    assert said["digest"] == found.digest == product.plan().digest
    assert (said["changed"], said["plan"]["opened"]) == (False, True)
    entry = product.store.get(Entry, event="declaration")
    assert entry is not None  # it was opened with what is declared, so that there is nothing to do
    assert entry.details["digest"] == product.spec.digest


def test_a_key_for_browsers_does_nothing_by_hand(client: Client) -> None:
    for path in ("freeze", "thaw", "approve", "rollback", "experiments", "experiments/quick/conclude"):
        answer = client.post(f"/v1/{path}", {}, key="web", headers={"origin": SHOP})
        assert answer.status == 403
