"""Tasks are ranked by what a loop could gain there; those that are not worth one say why."""

import numpy as np
import pytest

from autotroph.observe.opportunities import opportunities
from autotroph.records import Decision, Option, Reward
from autotroph.spec import parse
from autotroph.store import open_store

WEEK = 7 * 86_400.0
START = 1_700_000_000.0
TASKS = ("open", "level", "tiny", "silent", "slow", "single", "best", "bare", "unused", "few")


def declared():
    lines = ['[product]\nname = "p"\n[signals]\ngood = { type = "boolean" }']
    for name in TASKS:
        reward = "" if name == "bare" else f'reward = "r_{name}"'
        lines.append(f'[tasks.{name}]\nkind = "choice"\n{reward}')
        horizon = "60d" if name == "slow" else "1h"
        lines.append(f'[rewards.r_{name}]\nvalue = "good"\nhorizon = "{horizon}"')
    return parse("\n".join(lines))


class History:
    def __init__(self, folder):
        self.store = open_store(folder / "ledger.db")
        self.luck = np.random.default_rng(7)

    def live(self, task, rates, users=1500, coverage=1.0, weeks=4.0):
        """So many users ask once each; each option is as good as it is said to be."""
        rows = []
        for number in range(users):
            option = self.luck.choice(list(rates))
            at = START + (10 - weeks * (1 - number / users)) * WEEK
            one = Decision(
                id=f"{task} {number}", task=task, release="r", epoch=0, arm="main", p_arm=1.0,
                options=(Option(str(option), 1.0),), option=str(option), unit=f"u{number}", unit_kind="user",
                cluster=f"u{number}", fold="tracks", policy="", variant="", declaration="", at=at,
            )  # fmt: skip
            value = float(self.luck.random() < rates[option]) if self.luck.random() < coverage else None
            worth = Reward(
                decision=one.id, name=f"r_{task}", version="v1", value=value, final=True, at=at + 3600.0
            )
            rows += [one, worth]
        for first in range(0, len(rows), 1000):
            self.store.append(*rows[first : first + 1000]).durable()


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    history = History(tmp_path_factory.mktemp("opportunities"))
    apart = {"a": 0.3, "b": 0.7}
    history.live("open", apart)
    history.live("slow", apart)
    history.live("level", {"a": 0.5, "b": 0.5})
    history.live("tiny", apart, users=40)
    history.live("silent", apart, coverage=0.004)
    history.live("single", {"a": 0.4})
    history.live("best", {"a": 1.0})
    history.live("bare", apart)
    history.live("few", apart, users=12)
    history.live("unused", apart, users=100, weeks=9.9)
    yield {one.task: one for one in opportunities(history.store, declared())}
    history.store.close()


def test_the_ranking_is_as_planted(found):
    worth = [task for task, one in found.items() if one.finding == "worth it"]
    assert worth[0] == "single"  # all that is left to the end of the range, at most
    assert worth[1:3] == ["open", "slow"]
    assert {task: one.finding for task, one in found.items() if task not in worth} == {
        "bare": "unknown", "few": "unknown", "level": "not worth it", "tiny": "not worth it",
        "silent": "not worth it", "best": "not worth it",
    } | ({} if "unused" in worth else {"unused": "not worth it"})  # fmt: skip


def test_headroom_is_what_the_best_option_earns_above_the_mean(found):
    one = found["open"]
    assert one.headroom == pytest.approx(0.2, abs=0.03)
    assert (one.best, one.bound) == ("b", False)
    assert one.mean == pytest.approx(0.5, abs=0.03)
    assert one.weekly == pytest.approx(375.0, rel=0.05)
    assert found["single"].bound
    assert found["single"].headroom == pytest.approx(0.6, abs=0.03)


def test_a_long_horizon_counts_against_it(found):
    assert found["slow"].score < found["open"].score / 5


@pytest.mark.parametrize(
    ("task", "why"),
    [
        ("level", "do not differ by more than luck"),
        ("tiny", "weeks to prove"),
        ("silent", "of the decisions only"),
        ("best", "the mean is at the end of the range"),
        ("bare", "autotroph rewards suggest"),
        ("few", "at least 30 are needed"),
    ],
)
def test_what_is_not_worth_a_loop_says_why(found, task, why):
    assert why in " ".join(found[task].reasons)


def test_nobody_asked(tmp_path):
    store = open_store(tmp_path / "ledger.db")
    found = opportunities(store, declared())
    assert {one.reasons[0] for one in found if one.reward} == {"nobody has asked for four weeks"}
    assert {one.score for one in found} == {0.0}
    store.close()
