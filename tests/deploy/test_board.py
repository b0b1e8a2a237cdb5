import pytest
from msgspec.structs import replace
from rows import candidate, verdict, zero

from autotroph.deploy.board import REPEAT, Board
from autotroph.deploy.releases import released, staged
from autotroph.stats.alpha import share

ALPHA = 0.05


@pytest.fixture
def board():
    board = Board("t", ALPHA)
    live = zero()
    board.apply(live.release)
    board.apply(replace(live.stage, sequence=1))
    return board


def enter(board, name, track="person"):
    """Let a candidate through the gate, into shadow."""
    made = candidate(name, track)
    release = released(made, "v")
    board.apply(made)
    board.apply(verdict(name, "advance", "gate"))
    board.apply(release)
    board.apply(replace(staged(release, "shadow", 0.0, 0, 0.0), sequence=20))
    return release


class TestTheFamilysAlpha:
    def test_is_granted_in_the_order_of_entry(self, board):
        for name in ("a", "b", "c"):
            enter(board, name)
        assert [board.alpha_of(name) for name in ("a", "b", "c")] == [ALPHA * share(n) for n in (1, 2, 3)]

    def test_never_sums_to_more_than_alpha(self, board):
        for number in range(200):
            enter(board, f"c{number}")
            board.apply(verdict(f"c{number}", "rolled back"))
        assert sum(board.alpha.grants) < ALPHA

    def test_passes_from_a_promoted_candidate_to_the_next(self, board):
        enter(board, "a")
        board.apply(verdict("a", "promoted"))
        enter(board, "b")
        assert board.alpha_of("b") == pytest.approx(ALPHA * (share(1) + share(2)))

    def test_is_spent_by_one_that_was_not(self, board):
        enter(board, "a")
        board.apply(verdict("a", "rolled back"))
        enter(board, "b")
        assert board.alpha_of("b") == ALPHA * share(2)

    def test_is_not_given_back_twice(self, board):
        enter(board, "a")
        board.apply(verdict("a", "promoted"))
        board.apply(verdict("a", "rolled back"))
        assert board.alpha.freed == ALPHA * share(1)
        assert board.alpha.promoted == (True,)

    def test_one_that_the_gate_refused_costs_nothing(self, board):
        board.apply(candidate("a"))
        board.apply(verdict("a", "refused", "gate"))
        assert board.alpha.grants == ()
        assert board.alpha_of("b") == ALPHA * share(1)

    def test_a_candidate_keeps_what_it_was_granted(self, board):
        enter(board, "a")
        before = board.alpha_of("a")
        enter(board, "b")
        board.apply(verdict("b", "promoted"))
        assert board.alpha_of("a") == before


class TestWaiting:
    def test_until_the_gate_has_decided(self, board):
        board.apply(candidate("a"))
        board.apply(verdict("a", "undecided", "gate"))
        assert [one.id for one in board.waiting()] == ["a"]
        board.apply(verdict("a", "refused", "gate"))
        assert board.waiting() == []

    def test_a_track_is_busy_while_its_candidate_is_under_way(self, board):
        assert not board.busy("policy")
        release = enter(board, "a", "policy")
        assert board.busy("policy")
        assert not board.busy("adapt")
        board.apply(replace(staged(release, "withdrawn", 0.0, 0, 0.0), sequence=30, epoch=1))
        assert not board.busy("policy")

    def test_rows_of_other_tasks_change_nothing(self, board):
        board.apply(replace(candidate("a"), task="other"))
        board.apply(replace(verdict("a", "advance", "gate"), task="other"))
        assert board.waiting() == []
        assert board.alpha.grants == ()


class TestNews:
    def test_a_first_word_and_a_decision_are_always_news(self, board):
        assert board.news(verdict("a", "undecided"))
        board.apply(verdict("a", "undecided"))
        assert board.news(verdict("a", "promoted"))

    def test_the_same_again_is_news_after_so_many_more_units(self, board):
        board.apply(verdict("a", "undecided", units=50))
        assert not board.news(verdict("a", "undecided", units=50 + REPEAT["ladder"] - 1))
        assert board.news(verdict("a", "undecided", units=50 + REPEAT["ladder"]))

    def test_a_new_stage_counts_from_the_beginning_and_is_news(self, board):
        board.apply(verdict("a", "hold", units=50))
        assert board.news(verdict("a", "hold", units=10))
        assert board.news(verdict("a", "undecided", units=60))


class TestStages:
    def test_an_epoch_of_the_envelope_does_not_restart_the_evidence(self, board):
        release = enter(board, "a")
        first = board.since(board.standing.shadows[0])
        board.apply(replace(staged(release, "shadow", 0.0, 30, 5.0), sequence=30, epoch=1))
        assert board.since(board.standing.shadows[0]) == first
        board.apply(replace(staged(release, "canary", 0.1, 30, 9.0), sequence=40, epoch=2))
        assert board.since(board.standing.canary).sequence == 40

    def test_release_0_is_the_first_that_served_whatever_serves_now(self, board):
        first = board.standing.main.release.id
        release = enter(board, "a")
        board.apply(replace(staged(release, "serving", 1.0, 0, 0.0), sequence=40, epoch=1))
        board.apply(replace(zero().stage, name="replaced", share=0.0, sequence=41, epoch=1))
        assert board.standing.zero.release.id == first
        assert board.standing.main.release.id == release.id
