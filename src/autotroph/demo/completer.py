"""Proposes how the line at the cursor goes on: the same text cut at several places, each with what speaks for it.

Two sources: the n-gram model's most probable continuation, and the continuation of the most recent place in file and project whose
preceding tokens match the longest suffix of the cursor's (as in Svyatkovskiy et al. the whole line is completed, as in copy models it is
copied). Which cut to show, or none, is not decided here: that is the policy's work.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from math import log, log1p
from os.path import commonprefix
from typing import Any, NamedTuple

from autotroph.demo.lexer import lex
from autotroph.demo.ngram import END, Base, Log, Prediction, Reading, predict, target

CUTS = 8  # proposals of one source
_WINDOW = 12_000  # characters before the cursor that are read
_CONTEXT = 32  # tokens before the cursor that a retrieval compares
_LINE = 20  # tokens that a proposal may have
_MEMO = 8  # files whose logs are kept
_FLOOR = 1e-9

FEATURES = (
    "log_confidence",
    "mean_log_probability",
    "min_probability",
    "first_probability",
    "last_probability",
    "next_probability",
    "end_probability",
    "runner_up_probability",
    "chars",
    "tokens",
    "whole_line",
    "order_base",
    "order_project",
    "order_file",
    "least_order_local",
    "count_project",
    "count_file",
    "retrieved",
    "suffix_length",
    "suffix_in_file",
    "agreed_chars",
    "agreed_share",
    "column",
    "line_tokens",
    "file_size",
    "project_size",
    "line_begins",
    "after_word",
    "after_opening",
    "after_dot",
    "in_string",
    "in_comment",
    "ends_in_word",
    "ends_in_opening",
)


class Proposal(NamedTuple):
    """One text that could be shown at the cursor, with numbers that a policy may weigh."""

    option: str
    output: str
    features: dict[str, float]


class Project:
    """What a project's authors have written so far."""

    def __init__(self) -> None:
        self._log = Log()

    def learn(self, text: str) -> None:
        """Takes in `text`, as written after everything learned before."""
        self._log.append(["\n", *lex(text)])

    def __len__(self) -> int:
        return len(self._log.tokens)

    def until(self, position: int | None = None) -> Reading:
        """The project as it was when it had `position` tokens: now, unless said otherwise."""
        return Reading(self._log, len(self) if position is None else min(position, len(self)))


class _Memo:
    """Logs of the files seen last, so that the next cursor in a file costs only what was typed since."""

    def __init__(self) -> None:
        self._files: OrderedDict[str, tuple[str, Log, list[int]]] = OrderedDict()

    def reading(self, path: str, text: str) -> Reading:
        """The tokens of `text`, as a log; whatever was asked before does not show."""
        held = self._files.get(path)
        if held is None or not (text.startswith(held[0]) or held[0].startswith(text)):
            held = ("", Log(), [])
        if len(text) > len(held[0]):
            held = self._longer(held, text)
        self._files[path] = held
        self._files.move_to_end(path)
        if len(self._files) > _MEMO:
            self._files.popitem(last=False)
        return Reading(held[1], _tokens_within(held[2], len(text)))

    def _longer(self, held: tuple[str, Log, list[int]], text: str) -> tuple[str, Log, list[int]]:
        known, read, ends = held
        tokens = lex(text[len(known) :])
        read.append(tokens)
        ends.extend(len(known) + end for end in accumulate(map(len, tokens)))
        return text, read, ends


class Completer:
    """Completes lines from a language, a project, and the file before the cursor.

    >>> product = Completer(Base([]), Project())
    >>> product.learn("total = first + second\\n")
    >>> [proposal.output for proposal in product.propose({"path": "a.py", "before": "total = first"})]
    [' +', ' + second']
    """

    def __init__(self, base: Base, project: Project) -> None:
        self._base = base
        self._project = project
        self._position: int | None = None
        self._memo = _Memo()

    def learn(self, text: str) -> None:
        """Takes `text` into the project; completers made by `at` do not notice."""
        self._project.learn(text)

    @property
    def position(self) -> int:
        """How many tokens of the project this completer knows: enough to build it again from the same history."""
        return self._project.until(self._position).end

    def at(self, position: int) -> "Completer":
        """This completer with the project as it was at `position`, for good; base and memo are shared."""
        other = Completer(self._base, self._project)
        other._position = min(position, self.position)
        other._memo = self._memo
        return other

    def copy(self) -> "Completer":
        """This completer as it is now, whatever the project learns later."""
        return self.at(self.position)

    def propose(self, inputs: Mapping[str, Any]) -> list[Proposal]:
        """Proposals for the cursor at the end of `inputs["before"]`; none where nothing is known."""
        site = self._site(str(inputs.get("path", "")), str(inputs.get("before", ""))[-_WINDOW:])
        guess = _follow(site, _guessed(site))
        copied, length, in_file = _retrieved(site)
        retrieval = guess if copied == guess.tokens else _follow(site, copied)
        return _proposals(site, guess, retrieval, (length, in_file))

    def _site(self, path: str, before: str) -> "_Site":
        split = max(before.rfind("\n"), 0)
        file = self._memo.reading(path, before[:split])
        tail = lex(before[split:])
        context = [*file.log.tokens[max(0, file.end - _CONTEXT) : file.end], *tail][-2 * _CONTEXT :]
        return _Site(self._base, self._project.until(self._position), file, context, before[split:].lstrip("\n"), len(tail))
