"""What models know is in the ledger: frozen ones stay, learning ones go on, and both can be rebuilt."""

import pytest

from autotroph.deploy.models import ModelPool
from autotroph.errors import InputError
from autotroph.records import Proposal, Variant

TEXTS = [f"text {number}" for number in range(100)]


class Reader:
    """Proposes all that it has read."""

    def __init__(self, read: tuple[str, ...] = ()) -> None:
        self.read = read

    def propose(self, _inputs):
        return [Proposal("reader:all", " ".join(self.read))]

    def fresh(self):
        return Reader()

    def frozen(self):
        return Reader(self.read)

    def learn(self, text):
        self.read += (text,)


def texts(signals: tuple[str, ...], after: int, until: int) -> list[str]:
    return TEXTS[after:until] if signals else []


def pool() -> ModelPool:
    return ModelPool({"reader": Reader()}, texts)


def known(model) -> list[str]:
    return list(model.read)


FROZEN = Variant(model="reader", knowledge=10, signals=("text",))
LIVE = Variant(model="reader", learns=True, signals=("text",))


def test_what_is_frozen_stays_whatever_is_learned_later():
    models = pool()
    assert known(models.at(FROZEN, 10)) == TEXTS[:10]
    models.at(LIVE, 50)
    assert known(models.at(FROZEN, 50)) == TEXTS[:10]


def test_what_learns_takes_in_each_text_once_and_in_order():
    models = pool()
    for knowledge in (5, 5, 20, 60):
        assert known(models.at(LIVE, knowledge)) == TEXTS[:knowledge]


@pytest.mark.parametrize("order", [(FROZEN, LIVE), (LIVE, FROZEN)])
def test_in_whatever_order_they_are_asked_they_know_the_same(order):
    models = pool()
    for one in (*order, *order):
        assert known(models.at(one, 40)) == TEXTS[: 40 if one.learns else 10]


def test_rebuilt_it_knows_what_it_knew():
    one = pool()
    for knowledge in range(0, 80, 7):
        one.at(LIVE, knowledge)
    assert known(one.at(LIVE, 80)) == known(pool().at(LIVE, 80))
    assert known(one.at(FROZEN, 80)) == known(pool().at(FROZEN, 80))


def test_the_model_that_was_given_learns_nothing():
    given = Reader()
    models = ModelPool({"reader": given}, texts)
    models.at(LIVE, 50)
    models.at(FROZEN, 50)
    assert given.read == ()


def test_nothing_can_be_forgotten():
    models = pool()
    models.at(LIVE, 50)
    with pytest.raises(InputError, match="cannot forget back to 20"):
        models.at(LIVE, 20)


def test_a_model_that_nobody_gave_is_named():
    with pytest.raises(InputError, match="Did you mean 'reader'"):
        pool().at(Variant(model="raeder"), 1)
