import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotroph.policy.documents import Learned, freeze, thaw
from autotroph.policy.trees import Shape, fit, predict

LUCK = np.random.default_rng(7)
X = LUCK.random((600, 4))
Y = np.where((X[:, 0] > 0.3) & (X[:, 2] < 0.6), 1.0, 0.0) + LUCK.normal(0, 0.1, 600)


def test_what_was_planted_is_found():
    model = fit(X[:400], Y[:400])
    error = np.mean((predict(model, X[400:]) - Y[400:]) ** 2)
    assert error < 0.25 * Y[400:].var()


@pytest.mark.parametrize("options", [2, 3, 4, 8])
def test_options_that_take_turns_are_told_apart(options):
    which, sure = np.arange(1600.0) % options, np.arange(1600.0) // options % 17
    worth = np.where(which == 1, np.where(sure > 8, 1.0, -0.6), 0.2)
    told = np.stack([sure, which], axis=1)
    assert np.mean((predict(fit(told, worth), told) - worth) ** 2) < 0.05 * worth.var()


def test_the_same_rows_give_the_same_trees():
    assert fit(X, Y) == fit(X, Y)


def test_noise_is_hardly_believed():
    noise = LUCK.normal(0, 1, 300)
    assert np.abs(predict(fit(X[:300], noise), X[300:])).mean() < 0.35


@given(st.integers(1, 40), st.integers(1, 3), st.integers(0, 9))
@settings(max_examples=25)
def test_a_prediction_stays_near_what_was_seen(count, width, seed):
    luck = np.random.default_rng(seed)
    x, y = luck.integers(0, 3, (count, width)).astype(float), luck.random(count)
    found = predict(fit(x, y, shape=Shape(rounds=20, least=1, ridge=1)), luck.normal(0, 9, (50, width)))
    span = y.max() - y.min() + 1e-9
    assert (found >= y.min() - span).all()
    assert (found <= y.max() + span).all()


def test_a_row_of_weight_0_teaches_nothing():
    weights = np.where(np.arange(600) < 300, 1.0, 0.0)
    upside_down = np.where(np.arange(600) < 300, Y, 1 - Y)
    assert predict(fit(X, upside_down, weights), X) == pytest.approx(predict(fit(X, Y, weights), X))


def test_a_weight_counts_as_so_many_rows():
    weights = np.where(Y > 0.5, 3.0, 1.0)
    assert fit(X, Y, weights).start == pytest.approx(np.average(Y, weights=weights))


def test_a_single_value_is_learned_as_it_is():
    assert predict(fit(X, np.full(600, 0.25)), X) == pytest.approx(0.25)


def test_frozen_and_thawed_it_predicts_the_same_bit_by_bit():
    model = fit(X, Y)
    again = thaw(freeze(Learned(features=("a", "b", "c", "d"), model=model)).body)
    assert (predict(again.model, X) == predict(model, X)).all()
