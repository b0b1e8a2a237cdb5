"""How much is tried again: a share of the calls, so that not everybody asks a broken upstream twice."""

START, MOST = 2.0, 10.0
"""Retries that there are in the beginning, for who is seldom asked, and that can be saved."""


class RetryBudget:
    """A bucket of retries: each call puts a share of one in, each retry takes one out.

    Args:
        share: of the calls that may be tried again.

    >>> budget = RetryBudget(0.5)
    >>> [budget.take() for _ in range(3)]
    [True, True, False]
    >>> budget.called(); budget.called()
    >>> budget.take()
    True
    """

    def __init__(self, share: float) -> None:
        self._share, self._saved = share, START if share else 0.0

    def called(self) -> None:
        """A call is made, for the first time."""
        self._saved = min(MOST, self._saved + self._share)

    def take(self) -> bool:
        """Whether one may be tried again; it is then counted."""
        if self._saved < 1.0 - 1e-9:  # ten tenths are one
            return False
        self._saved -= 1.0
        return True
