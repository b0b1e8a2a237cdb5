"""Budgets and limits of answers from outside: set aside before anybody is asked, counted after."""

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

from autotroph.deploy.upstreams.asking import Asking, Step
from autotroph.deploy.upstreams.prices import most
from autotroph.faces.gateway.chat import Made
from autotroph.govern.budgets import Budgets, Hold, beside
from autotroph.govern.meters import Amount, meters
from autotroph.spec import Spec
from autotroph.store import Receipt

if TYPE_CHECKING:
    from autotroph.faces.answering import Answering

_Bounded = tuple[Step, int, int | None]

SPARE = 60.0
"""Seconds for which something is set aside beyond all time limits."""


class Accounts:
    """What is counted of a product's answers; nothing where no budget and no limit is declared.

    Args:
        product: whose.
        asking: who may be asked, for how many tokens, at which price.
    """

    def __init__(self, product: "Answering", asking: Asking) -> None:
        self._spec, self._asking = product.spec, asking
        self._budgets: Budgets | None = None
        if _any(product.spec):
            path = getattr(product.store, "path", None)
            self._budgets = Budgets(beside(path) if path is not None else None, product.clock)
            self._budgets.reconcile(product.store, product.spec)

    async def reserve(self, made: Made, *keys: str) -> Hold | None:
        """Set aside what an answer may take at most; None where nothing is counted.

        Args:
            made: the decision.
            keys: what the API key is called that asks.

        Raises:
            Exhausted: there is no room for it.
        """
        if self._budgets is None:
            return None
        counted = meters(self._spec, made.decision.task, *keys)
        if not counted:
            return None
        steps = list(self._steps(made))
        at_most, seconds = self._at_most(steps), SPARE
        for model in {step.model for step, _, _ in steps} & self._spec.models.keys():
            seconds += float(self._spec.models[model].calls.total)
        held = asyncio.get_running_loop().run_in_executor(
            None, self._budgets.reserve, made.decision.id, counted, at_most, seconds, made.decision.at
        )
        try:
            return await asyncio.shield(held)
        except asyncio.CancelledError:  # whoever asked has gone; what a thread sets aside just now has not
            held.add_done_callback(self._give_back)
            raise

    def settle(self, made: Made, receipt: Receipt | None) -> None:
        """Count what it took in fact, once that is on disk, or never will be."""
        hold, budgets = made.hold, self._budgets
        if hold is None or budgets is None:
            return
        if receipt is made.sent is None and not made.spent.attempts:  # nobody was asked, and no row says so
            budgets.release(hold)
            return
        took = Amount(made.spent.pico, made.spent.tokens_in + made.spent.tokens_out)
        if receipt is None:
            budgets.settle(hold, took)
        else:
            receipt.when_known(lambda: budgets.settle(hold, took))

    def _give_back(self, held: "asyncio.Future[Hold]") -> None:
        if self._budgets is not None and not held.cancelled() and held.exception() is None:
            self._budgets.release(held.result())

    def _steps(self, made: Made) -> Iterator[_Bounded]:
        """Everybody who may be asked, with the tokens of that and of the answer, at most."""
        yield from self._asking.bounds(made.question, made.body, made.decision.option)
        if made.instead is not None:
            yield from self._asking.bounds(made.question, *made.instead)

    def _at_most(self, steps: list[_Bounded]) -> Amount:
        """What all of them may take."""
        tokens, pico = 0, 0
        for step, asked, answered in steps:
            if answered is None:
                return Amount(None, None)
            tokens += asked + answered
            priced = self._asking.rates(step)
            if priced is None:
                return Amount(None, tokens)
            pico += most(asked, answered, priced)
        return Amount(pico, tokens)


def _any(spec: Spec) -> bool:
    return bool(spec.keys) or any(task.budget or task.limit for task in spec.tasks.values())
