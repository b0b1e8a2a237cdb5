"""Reward expressions: SQL scalar expressions with one meaning everywhere, ours.

* Booleans are the numbers 0 and 1, every number is a double, a comparison gives 0 or 1.
* `/` is real division and x/0 is NULL. Whatever is not a finite double (overflow, ln of 0, sqrt of -1)
  is NULL at the step where it happens.
* NULL means unknown and propagates, through LEAST and GREATEST too: the least of something unknown and 24 is
  unknown, not 24 (PostgreSQL says 24; a silent person must not earn a reward). AND, OR, COALESCE, CASE and
  IS NULL have SQL's semantics.
* Text is compared with `=`, `<>` and IN only, because engines do not agree on its order.
* `length(text)` counts code points; `kept(signal)` is the length of the answer where the text signal begins
  with it, else 0, and NULL without a signal; `distance(signal)` is how many code points have to be inserted,
  deleted or replaced to make one of the other (Levenshtein), and NULL without a signal.
* `inputs.NAME` is what the caller said, by the name in the task's `context`. The name of another measure
  stands for its expression, before anything is clipped.
"""

from collections.abc import Callable, Mapping

from autotroph.clock import digest
from autotroph.errors import SpecError
from autotroph.records import canonical
from autotroph.spec.evaluation import Row, evaluator
from autotroph.spec.sql import read
from autotroph.spec.tree import ColumnType, Node, columns

ANSWER_COLUMNS: dict[str, ColumnType] = {
    "cost_usd": "number",
    "latency_ms": "number",
    "first_token_ms": "number",
    "tokens_in": "number",
    "tokens_cached": "number",
    "tokens_out": "number",
    "tokens_reasoning": "number",
    "chars": "number",
    "shown": "boolean",
    "p": "number",
    "output": "text",
}
"""What is known of every answer: `chars` and `shown` are about the output, `p` is its probability."""


class Expression:
    """A compiled expression: evaluate it on a row, ask which names it reads, compare its digest.

    Args:
        text: as it was written.
        tree: what it means.

    Attributes:
        evaluate: the value on one row, or None where it is unknown. A name that the row lacks is NULL, and
            so is a value of another type than declared. It is an attribute because this is a hot path.
        names: the signals and columns that it reads, those of the rewards it refers to among them.
        digest: the hash of what it means; spaces and parentheses do not change it.
    """

    __slots__ = ("digest", "evaluate", "names", "text", "tree")

    def __init__(self, text: str, tree: Node) -> None:
        self.text = text
        self.tree = tree
        self.names = frozenset(columns(tree))
        self.digest = digest("expression", canonical(tree))
        self.evaluate: Callable[[Row], float | None] = evaluator(tree)

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"


def compile_expression(
    text: str, columns: Mapping[str, ColumnType], rewards: Mapping[str, str] | None = None
) -> Expression:
    """Parse, check and compile; raises SpecError with the known names or the allowed forms.

    Args:
        text: the expression.
        columns: the names that it may read, `inputs.NAME` for those of the context.
        rewards: other expressions by name, which it may refer to; a column's name means the column.

    >>> worth = compile_expression("accepted - 20 * cost_usd", {"accepted": "boolean", "cost_usd": "number"})
    >>> worth.evaluate({"accepted": True, "cost_usd": 0.01})
    0.8
    >>> twice = compile_expression("2 * net", {"accepted": "boolean"}, {"net": "accepted - 0.25"})
    >>> twice.evaluate({"accepted": True})
    1.5
    >>> compile_expression("acepted", {"accepted": "boolean"})
    Traceback (most recent call last):
    ...
    autotroph.errors.SpecError: no signal or column named 'acepted'; known: accepted. Did you mean 'accepted'?
    """
    try:
        return Expression(text, read(text, columns, rewards))
    except UnicodeEncodeError:
        raise SpecError("the expression is not valid Unicode") from None
