"""A budget is hard: among threads, among processes, when they are killed, and when the disk is full."""

import math
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Timer

import apsw
import pytest
from counting import AT, ROOMY, SPEC, asked
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from autotroph.clock import ReplayClock
from autotroph.errors import Exhausted
from autotroph.govern.budgets import LARGEST, SECONDS, Budgets, Hold, beside
from autotroph.govern.meters import Amount, Meter, Taken, meters, refusal
from autotroph.ingest.arrivals import DecisionIn, decision_of
from autotroph.records import Completion
from autotroph.store import Store, open_store

ONE = Meter("task answer", "usd", 10**12, 86400.0)
DOLLAR = Amount(10**12, 10)


@pytest.fixture
def clock() -> ReplayClock:
    return ReplayClock("seven", at=AT)


@pytest.fixture
def budgets(tmp_path: Path, clock: ReplayClock) -> Iterator[Budgets]:
    with closing(Budgets(tmp_path / "ledger.db.budgets", clock)) as made:
        yield made


def admitted(budgets: Budgets, id_: str, most: Amount = DOLLAR, *counted: Meter) -> Hold | None:
    try:
        return budgets.reserve(id_, counted or (ONE,), most)
    except Exhausted:
        return None


def test_what_is_declared_is_what_is_counted() -> None:
    assert meters(SPEC, "answer", "phone") == (
        Meter("task answer", "usd", 10**8, 86400.0),
        Meter("task answer", "requests", 10**6, 86400.0),
        Meter("task answer", "tokens", 10**8, 86400.0),
        Meter("key phone", "usd", 10**12, 86400.0),
    )
    assert meters(SPEC, "elsewhere", "nobody") == ()
    assert meters(SPEC, "elsewhere", "k7f3", "phone", "phone") == meters(SPEC, "answer", "phone")[3:]


def test_of_64_at_once_on_a_budget_for_one_exactly_one_is_admitted(budgets: Budgets) -> None:
    with ThreadPoolExecutor(64) as pool:
        found = list(pool.map(lambda n: admitted(budgets, f"d{n}"), range(64)))
    (hold,) = [one for one in found if one is not None]
    budgets.settle(hold, DOLLAR)
    assert budgets.taken([ONE]) == [Taken(10**12, 0)]
    assert admitted(budgets, "late", Amount(1, 1)) is None


ASK = """
import sys
from pathlib import Path
from concurrent.futures import ThreadPoolExecutor
from autotroph.clock import ReplayClock
from autotroph.errors import Exhausted
from autotroph.govern.budgets import Budgets
from autotroph.govern.meters import Amount, Meter
budgets = Budgets(Path(sys.argv[1]), ReplayClock("seven", at=float(sys.argv[2])))
ONE = Meter("task answer", "usd", 10**12, 86400.0)
def ask(n):
    try:
        budgets.reserve(f"{sys.argv[3]} {n}", [ONE], Amount(10**12, 1))
    except Exhausted:
        return 0
    return 1
print("ready", flush=True)
sys.stdin.readline()
with ThreadPoolExecutor(16) as pool:
    print(sum(pool.map(ask, range(16))), flush=True)
"""


def test_of_64_in_four_processes_exactly_one_is_admitted(tmp_path: Path) -> None:
    told = [str(tmp_path / "counters"), str(AT)]
    asking = [
        subprocess.Popen(
            [sys.executable, "-c", ASK, *told, str(n)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in range(4)
    ]
    for one in asking:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    for one in asking:
        assert one.stdin is not None
        one.stdin.write("\n")
        one.stdin.flush()
    assert sum(int(one.communicate(timeout=60)[0]) for one in asking) == 1


def test_who_looks_waits_for_who_is_counting(tmp_path: Path, clock: ReplayClock) -> None:
    path = tmp_path / "counters"
    with closing(Budgets(path, clock)) as budgets, closing(apsw.Connection(str(path))) as other:
        assert admitted(budgets, "a", DOLLAR, Meter("task other", "usd", 10**12, 60.0)) is not None
        other.execute("BEGIN IMMEDIATE")
        place = (ONE.subject, ONE.what, ONE.every, ONE.nth(AT), 10**12)
        other.execute("INSERT INTO counters VALUES (?, ?, ?, ?, ?, 0)", place)
        Timer(0.1, lambda: other.execute("COMMIT")).start()
        assert admitted(budgets, "b") is None
        assert budgets._path == path


def test_what_was_not_taken_is_given_back(budgets: Budgets) -> None:
    hold = admitted(budgets, "a")
    assert hold is not None
    assert admitted(budgets, "b") is None
    budgets.settle(hold, Amount(3 * 10**11, 5))
    budgets.settle(hold, Amount(3 * 10**11, 5))  # counts once
    failed = admitted(budgets, "c", Amount(7 * 10**11, 5))
    assert failed is not None
    budgets.release(failed)
    assert budgets.taken([ONE]) == [Taken(3 * 10**11, 0)]


def test_what_nobody_knows_counts_as_what_was_set_aside(budgets: Budgets) -> None:
    hold = admitted(budgets, "a", Amount(6 * 10**11, 5))
    assert hold is not None
    budgets.settle(hold, Amount(None, None))
    assert budgets.taken([ONE]) == [Taken(6 * 10**11, 0)]
    with pytest.raises(Exhausted, match="declare the price of its model"):
        budgets.reserve("b", [ONE], Amount(None, 5))


def test_of_several_meters_all_are_counted_or_none(budgets: Budgets) -> None:
    few = Meter("key phone", "requests", 1, 60.0)
    assert admitted(budgets, "a", Amount(1, 1), ONE, few) is not None
    assert admitted(budgets, "b", Amount(1, 1), ONE, few) is None
    assert budgets.taken([ONE, few]) == [Taken(0, 1), Taken(0, 1)]


def test_a_stretch_ends_and_another_begins(budgets: Budgets, clock: ReplayClock) -> None:
    minute = Meter("task answer", "tokens", 10, 60.0)
    late = admitted(budgets, "a", DOLLAR, minute)
    assert late is not None
    clock.advance(minute.ends(AT))
    other = admitted(budgets, "b", DOLLAR, minute)
    assert other is not None
    budgets.settle(late, Amount(1, 9))  # of the stretch in which it was asked
    assert budgets.taken([minute]) == [Taken(0, 10)]


@pytest.mark.parametrize(
    ("meter", "taken", "wanted", "says", "after"),
    [
        (ONE, Taken(10**12, 0), 5 * 10**10, "task answer: the budget of $1 every 86400 s has no room for"
         " $0.05 more until 2023-11-15T00:00:00Z; $1 are taken", 6400.0),
        (ONE, Taken(0, 10**12), 1, "until 2023-11-14T22:13:21Z", 1.0),
        (ONE, Taken(0, 0), 2 * 10**12, "never has room for $2; ask for fewer tokens, or raise it", math.inf),
        (Meter("key k", "tokens", 5000, 60.0), Taken(4999, 0), 2,
         "key k: the limit of 5,000 tokens every 60 s ", 40.0),
    ],
)  # fmt: skip
def test_a_refusal_says_what_and_until_when(
    meter: Meter, taken: Taken, wanted: int, says: str, after: float
) -> None:
    found = refusal(meter, taken, wanted, AT)
    assert found is not None
    assert says in str(found)
    assert found.retry_after == after
    assert found.until == AT + after


def test_what_a_killed_process_held_expires(budgets: Budgets, clock: ReplayClock, tmp_path: Path) -> None:
    with closing(Budgets(tmp_path / "ledger.db.budgets", clock)) as other:
        hold = other.reserve("a", [ONE], DOLLAR)
    assert admitted(budgets, "b") is None
    clock.advance(AT + SECONDS)
    assert budgets.taken([ONE]) == [Taken(0, 0)]
    budgets.settle(hold, Amount(4, 4))  # it was not dead, only slow
    assert budgets.taken([ONE]) == [Taken(4, 0)]


@pytest.mark.parametrize("seed", [1, 2])
def test_after_a_kill_the_counters_equal_the_ledger(tmp_path: Path, clock: ReplayClock, seed: int) -> None:
    program = Path(__file__).with_name("counting.py")
    dying = subprocess.Popen(
        [sys.executable, str(program), str(tmp_path)], stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert dying.stdout is not None
    for _ in range(random.Random(seed).randrange(5, 40)):
        assert dying.stdout.readline()
    dying.send_signal(signal.SIGKILL)
    dying.communicate()
    ledger = tmp_path / "ledger.db"
    with closing(open_store(ledger)) as store, closing(Budgets(beside(ledger), clock)) as budgets:
        budgets.reconcile(store, SPEC)
        sums = "SELECT count(*), sum(tokens_in + tokens_out), sum(cost_usd) FROM completions"
        number, tokens, usd = (float(str(one)) for one in store.query(sums).rows[0])
        unknown = assumed(budgets, store)
        assert len(unknown) <= 1  # it is asked for one after the other
        expected = [number + len(unknown), tokens + 30 * len(unknown), usd * 1e12 + 4e7 * len(unknown)]
        taken = budgets.taken(ROOMY)
        assert [one.used for one in taken] == pytest.approx(expected, rel=1e-12)
        assert [one.held for one in taken] == [0, 0, 0]
        budgets.reconcile(store, SPEC)
        assert budgets.taken(ROOMY) == taken


def assumed(budgets: Budgets, store: Store) -> list[str]:
    """The decisions that were counted as what was set aside; none of them has a completion."""
    found = [str(id_) for (id_,) in budgets._db.execute("SELECT id FROM holds WHERE counted = 2")]
    assert not [id_ for id_ in found if store.get(Completion, decision=id_)]
    return found


def test_what_others_held_ends_at_once_and_nothing_more_fits_than_before(
    tmp_path: Path, clock: ReplayClock
) -> None:
    """Of two dollars: one answer that the ledger has, one that nobody knows of, one of this process."""
    two = Meter("task answer", "usd", 2 * 10**12, 86400.0)
    path = tmp_path / "counters"
    with closing(open_store(tmp_path / "ledger.db")) as store, closing(Budgets(path, clock)) as other:
        other.reserve("known", [two], Amount(9 * 10**11, 9))
        slow = other.reserve("unknown", [two], Amount(6 * 10**11, 9))
        dead = other.reserve("dead", [two], Amount(10**11, 9))
        done = Completion(decision="known", output="", at=AT, tokens_in=7, cost_usd=0.5)
        store.append(asked("known", AT), done).durable()
        with closing(Budgets(path, clock)) as budgets:
            mine = budgets.reserve("mine", [two], Amount(10**11, 9))
            budgets.reconcile(store, SPEC)
            assert budgets.taken([two]) == [Taken(12 * 10**11, 10**11)]
            assert admitted(budgets, "more", Amount(7 * 10**11 + 1, 1), two) is None
            other.settle(slow, Amount(4 * 10**11, 9))  # it was not dead, only slow
            other.release(dead)
            budgets.settle(mine, Amount(10**10, 9))
            assert budgets.taken([two]) == [Taken(91 * 10**10, 0)]


def test_what_was_taken_here_is_counted_whoever_chose_and_what_came_from_elsewhere_is_not(
    tmp_path: Path, clock: ReplayClock
) -> None:
    """Naming a variant is no proof of anything, so such a row says that it is an import, as those are."""
    with closing(open_store(tmp_path / "ledger.db")) as store, closing(Budgets(None, clock)) as budgets:
        elsewhere = DecisionIn(
            task="answer", option="v", output="Yes.", id="theirs", user="u1", cost_usd=1e-5
        )
        rows = decision_of(SPEC, clock, elsewhere, salt="s")
        assert rows[0].provenance == "import"
        store.append(*rows[:2]).durable()
        for key in ("", "named", "named~2"):
            made = replace(asked(f"pinned {key}", AT), provenance="import", key=key)
            done = Completion(decision=made.id, output="", at=AT, tokens_in=7, cost_usd=3e-5)
            store.append(made, done).durable()
        budgets.reconcile(store, SPEC)
        assert [one.used for one in budgets.taken(meters(SPEC, "answer"))] == [9 * 10**7, 3, 21]


def test_a_request_counts_in_the_stretch_in_which_it_was_decided(
    budgets: Budgets, clock: ReplayClock
) -> None:
    """As the ledger has it, though time goes on until something is set aside for it, or back."""
    minute = Meter("task answer", "requests", 1, 60.0)
    ends = minute.ends(AT)
    clock.advance(ends + 0.5)
    budgets.reserve("late", [minute], DOLLAR, at=ends - 0.1)
    assert admitted(budgets, "b", DOLLAR, minute) is not None
    with pytest.raises(Exhausted) as refused:
        budgets.reserve("late, too", [minute], DOLLAR, at=ends - 0.1)
    assert 0 < refused.value.retry_after <= 1


def test_new_counters_begin_with_what_the_ledger_has(tmp_path: Path, clock: ReplayClock) -> None:
    ledger = tmp_path / "ledger.db"
    beside(ledger).write_bytes(b"no counters at all, and longer than a header " * 200)
    with closing(open_store(ledger)) as store, closing(Budgets(beside(ledger), clock)) as budgets:
        for number, at in enumerate((AT, AT, AT - 86400.0)):
            made = asked(f"d{number}", at)
            done = Completion(decision=made.id, output="", at=at, tokens_in=7, cost_usd=3e-5)
            store.append(made, done).durable()
        under_way = budgets.reserve("d0", meters(SPEC, "answer"), Amount(4 * 10**7, 9))
        budgets.reconcile(store, SPEC)
        budgets.settle(under_way, Amount(3 * 10**7, 7))  # what the ledger had was counted already
        assert budgets.taken(meters(SPEC, "answer")) == [Taken(6 * 10**7, 0), Taken(2, 0), Taken(14, 0)]
        with pytest.raises(
            Exhausted, match=r"the budget of \$0.0001 every 86400 s has no room for \$0.00005"
        ):
            budgets.reserve("d9", meters(SPEC, "answer"), Amount(5 * 10**7, 9))


def test_more_than_can_be_added_up_ends_the_budget_and_nothing_else(budgets: Budgets) -> None:
    tokens = Meter("task answer", "tokens", 2**62, 86400.0)
    holds = [budgets.reserve(f"d{nth}", [ONE, tokens], Amount(1, 1)) for nth in range(7)]
    for hold in holds:
        budgets.settle(hold, Amount(2**70, 2**63))
    assert budgets.taken([ONE, tokens]) == [Taken(7 * LARGEST, 0)] * 2
    assert admitted(budgets, "late", Amount(1, 1)) is None


class Wound:
    """A clock that somebody sets, back as well."""

    seed = "seven"

    def __init__(self, at: float) -> None:
        self.at = at

    def now(self) -> float:
        return self.at

    def elapsed(self) -> float:
        return self.at

    def new_id(self, kind: str, *names: str) -> str:
        return f"{kind}_{'_'.join(names)}"


def test_where_the_clock_goes_back_no_stretch_takes_more_than_it_may(tmp_path: Path) -> None:
    minute, clock = Meter("task answer", "usd", 2 * 10**12, 60.0), Wound(AT)
    path = tmp_path / "counters"
    with closing(Budgets(path, clock)) as budgets, closing(open_store(tmp_path / "ledger.db")) as store:
        early = admitted(budgets, "early", DOLLAR, minute)
        clock.at = AT + 3600
        ahead = [admitted(budgets, f"ahead {nth}", DOLLAR, minute) for nth in range(3)]
        assert [one is not None for one in ahead] == [True, True, False]
        clock.at = AT
        assert early is not None
        budgets.settle(early, DOLLAR)
        assert [admitted(budgets, f"again {nth}", DOLLAR, minute) is not None for nth in range(2)] == [
            True,
            False,
        ]
        clock.at = AT + 3601
        assert admitted(budgets, "ahead, again", DOLLAR, minute) is None
        with closing(Budgets(path, clock)) as later:
            clock.at = AT
            later.reconcile(store, SPEC)
            assert later.taken([minute]) == [Taken(2 * 10**12, 0)]
            assert admitted(later, "once more", Amount(1, 1), minute) is None


def test_a_full_disk_leaves_counting_in_this_process(tmp_path: Path, clock: ReplayClock) -> None:
    path = tmp_path / "counters"
    with closing(Budgets(path, clock)) as first:
        hold = first.reserve("a", [ONE], Amount(6 * 10**11, 1))
        first._db.pragma("max_page_count", first._db.pragma("page_count"))
        for number in range(5000):
            small = Meter(f"key {number} {'x' * 200}", "requests", 1, 60.0)
            assert admitted(first, f"k{number}", Amount(0, 0), small) is not None
        assert first._path is None
        assert admitted(first, "b", Amount(5 * 10**11, 1)) is None
        first.settle(hold, Amount(10**11, 1))
        assert admitted(first, "b", Amount(5 * 10**11, 1)) is not None


def test_a_folder_that_is_not_there_leaves_counting_in_this_process(clock: ReplayClock) -> None:
    with closing(Budgets(Path("/nowhere/at/all/counters"), clock)) as budgets:
        assert admitted(budgets, "a") is not None
        assert admitted(budgets, "b") is None


ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("reserve"), st.integers(0, 6), st.integers(0, 6)),
        st.tuples(st.just("settle"), st.integers(0, 9), st.floats(0, 1)),
        st.tuples(st.just("release"), st.integers(0, 9), st.just(0.0)),
        st.tuples(st.just("wait"), st.integers(1, 90), st.just(0.0)),
    ),
    max_size=40,
)


@settings(max_examples=60)
@given(ACTS)
def test_whatever_happens_no_stretch_takes_more_than_it_may(acts: list[tuple[str, int, float]]) -> None:
    clock = ReplayClock("seven", at=AT)
    counted = (Meter("t", "usd", 12, 60.0), Meter("t", "tokens", 9, 100.0), Meter("t", "requests", 4, 60.0))
    holds: list[Hold] = []
    taken: dict[tuple[str, int], int] = {}
    with closing(Budgets(None, clock)) as budgets:
        for act, number, part in acts:
            match act:
                case "wait":
                    clock.advance(clock.now() + number)
                case "reserve":
                    hold = admitted(budgets, f"d{len(holds)}", Amount(number, int(part)), *counted)
                    holds += [hold] if hold is not None else []
                case _ if number < len(holds) and (hold := holds[number]).open:
                    took = Amount(int((hold.most.pico or 0) * part), int((hold.most.tokens or 0) * part))
                    budgets.settle(hold, took) if act == "settle" else budgets.release(hold)
                    for one in counted if act == "settle" else ():
                        place = one.what, one.nth(hold.at)
                        taken[place] = taken.get(place, 0) + (took.of(one.what) or 0)
            now = clock.now()
            for one, found in zip(counted, budgets.taken(counted), strict=True):
                live = (h for h in holds if h.open and one.nth(h.at) == one.nth(now) and h.at + SECONDS > now)
                assert found == Taken(
                    taken.get((one.what, one.nth(now)), 0), sum(h.most.of(one.what) or 0 for h in live)
                )
                assert found.used + found.held <= one.most
