"""Proposes how the line at the cursor goes on: texts cut at several places, each with what speaks for it.

Two sources: the n-gram model's most probable continuation, and a copy from the most recent place in file and
project whose preceding tokens match the longest suffix of the cursor's. Which cut to show, or none, is not
decided here: that is the policy's work.
"""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from itertools import accumulate
from math import log, log1p
from typing import Any, NamedTuple

from autotroph.demo.lexer import lex
from autotroph.demo.ngram import END, Base, Log, Prediction, Reading, Sources, predict, target
from autotroph.records import Proposal

CUTS = 8  # proposals of one source
_WINDOW = 12_000  # characters before the cursor that are read
_CONTEXT = 32  # tokens before the cursor that a retrieval compares
_LINE = 20  # tokens that a proposal may have
_MEMO = 8  # files whose logs are kept
_FLOOR = 1e-9
_OPENING = ("(", "[", "{", "<")
_COMMENTS = ("#", "//", "/*", "* ", "--", ";", "%")

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
            held = ("", Log(lengths=(1, 2)), [0])
        if len(text) > len(held[0]):
            held = self._longer(held, text)
        self._files[path] = held
        self._files.move_to_end(path)
        if len(self._files) > _MEMO:
            self._files.popitem(last=False)
        return Reading(held[1], bisect_right(held[2], len(text)))

    def _longer(self, held: tuple[str, Log, list[int]], text: str) -> tuple[str, Log, list[int]]:
        known, read, ends = held
        tokens = lex(text[len(known) :])
        read.append(tokens)
        ends.extend(len(known) + end for end in accumulate(map(len, tokens)))
        return text, read, ends


class Completer:
    r"""Completes lines from a language, a project, and the file before the cursor.

    >>> product = Completer(Base([]), Project())
    >>> product.learn("total = first + second\n")
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
        """How many tokens of the project it knows; with the same history, enough to build it again."""
        return self._project.until(self._position).end

    def at(self, position: int) -> "Completer":
        """This completer with the project as it was at `position`, for good; base and memo are shared."""
        other = Completer(self._base, self._project)
        other._position = min(position, self.position)
        other._memo = self._memo
        return other

    def fresh(self) -> "Completer":
        """A completer that knows the language, and no project yet."""
        return Completer(self._base, Project())

    def frozen(self) -> "Completer":
        """This completer as it is now, whatever the project learns later."""
        return self.at(self.position)

    def propose(self, inputs: Mapping[str, Any]) -> list[Proposal]:
        """Proposals for the cursor at the end of `inputs["before"]`; none where nothing is known."""
        site = self._site(str(inputs.get("path", "")), str(inputs.get("before", ""))[-_WINDOW:])
        guess = _guess(site)
        copied = _retrieve(site)
        copy = guess if copied.tokens == guess.tokens else _score(site, copied.tokens, guess)
        return _proposals(site, guess, copy, copied)

    def _site(self, path: str, before: str) -> "_Site":
        split = max(before.rfind("\n"), 0)
        file = self._memo.reading(path, before[:split])
        tail = lex(before[split:])
        context = [*file.log.tokens[max(1, file.end - _CONTEXT) : file.end], *tail][-_CONTEXT:]
        sources = Sources(self._base, self._project.until(self._position), file)
        return _Site(sources, context, before[split:].lstrip("\n"), len(tail))


class _Site(NamedTuple):
    """A cursor: what is known there, and what stands before it."""

    sources: Sources
    context: list[str]
    line: str
    line_tokens: int


class _Line(NamedTuple):
    """How a line may go on; one prediction a token, and one for what follows the last."""

    tokens: list[str]
    predictions: list[Prediction]


class _Copied(NamedTuple):
    """How a line went on elsewhere."""

    tokens: list[str]
    length: int
    in_file: bool


def _guess(site: _Site) -> _Line:
    """The most probable token, again and again, to the end of the line."""
    context, predictions = list(site.context), list[Prediction]()
    while len(predictions) < _LINE:
        prediction = predict(site.sources, context[-_CONTEXT:])
        predictions.append(prediction)
        if prediction.token in ("", END):
            break
        context.append(prediction.token)
    return _Line([each.token for each in predictions if each.token not in ("", END)], predictions)


def _score(site: _Site, tokens: list[str], guess: _Line) -> _Line:
    """What the model says of `tokens`; where they begin as the guess does, it has said so already."""
    same = _agreeing(tokens, guess.tokens)
    predictions = guess.predictions[:same]
    context = [*site.context, *tokens[:same]]
    for token in [*tokens[same:], END][: _LINE - same]:
        predictions.append(predict(site.sources, context[-_CONTEXT:], token))
        context.append(token)
    return _Line(tokens, predictions)


def _retrieve(site: _Site) -> _Copied:
    """The rest of the line after the longest matching suffix; among equals the file's, then the latest."""
    best, found = 0, _Copied([], 0, in_file=False)
    for source, in_file in ((site.sources.file, True), (site.sources.project, False)):
        levels = source.log.levels(site.context, source.end, _CONTEXT)
        if len(levels) - 1 > best:
            best = len(levels) - 1
            found = _Copied(_rest(source, levels[-1][0]), best, in_file)
    return found


def _rest(source: Reading, position: int) -> list[str]:
    line = source.log.tokens[position : min(position + _LINE, source.end)]
    stop = next((number for number, token in enumerate(line) if target(token) == END), len(line))
    return line[:stop]


def _proposals(site: _Site, guess: _Line, copy: _Line, copied: _Copied) -> list[Proposal]:
    shared = _shared(site, copied)
    outputs: dict[str, Proposal] = {}
    for source, line in (("ngram", guess), ("suffix", copy)):
        other = "".join(copy.tokens if source == "ngram" else guess.tokens)
        for tokens in _cuts(len(line.tokens)):
            output = "".join(line.tokens[:tokens])
            if output.isspace() or output in outputs:
                continue
            name = "line" if tokens == len(line.tokens) else str(tokens)
            features = shared | _features(line, tokens, output, other)
            features["retrieved"] = float(source == "suffix")
            outputs[output] = Proposal(f"{source}:{name}", output, {key: features[key] for key in FEATURES})
    return list(outputs.values())


def _cuts(tokens: int) -> list[int]:
    """After each of the first tokens, and at the end."""
    return [*range(1, min(CUTS, tokens)), tokens] if tokens else []


def _shared(site: _Site, copied: _Copied) -> dict[str, float]:
    """What holds for every proposal at a cursor."""
    last = site.context[-1].strip() if site.context else ""
    line = site.line
    return {
        "suffix_length": float(copied.length),
        "suffix_in_file": float(copied.in_file),
        "column": float(min(len(line), 200)),
        "line_tokens": float(min(site.line_tokens, 100)),
        "file_size": log1p(site.sources.file.end),
        "project_size": log1p(site.sources.project.end),
        "line_begins": float(not line.strip()),
        "after_word": float(_wordlike(last)),
        "after_opening": float(last[-1:] in _OPENING),
        "after_dot": float(last in (".", "->", "::")),
        "in_string": float((line.count('"') - line.count('\\"')) % 2 or line.count("'") % 2),
        "in_comment": float(line.lstrip().startswith(_COMMENTS)),
    }


def _features(line: _Line, tokens: int, output: str, other: str) -> dict[str, float]:
    """What holds for one cut of one line; `other` is what the other source says."""
    predictions = line.predictions[:tokens]
    logs = [log(max(each.probability, _FLOOR)) for each in predictions]
    first, last = predictions[0], predictions[-1]
    after = line.predictions[tokens] if tokens < len(line.predictions) else None
    agreed = _agreeing(output, other)
    ending = line.tokens[tokens - 1].strip()
    return {
        "log_confidence": sum(logs),
        "mean_log_probability": sum(logs) / tokens,
        "min_probability": min(each.probability for each in predictions),
        "first_probability": first.probability,
        "last_probability": last.probability,
        "next_probability": after.probability if after else 0.0,
        "end_probability": after.end if after else 0.0,
        "runner_up_probability": first.rival,
        "chars": float(len(output)),
        "tokens": float(tokens),
        "whole_line": float(tokens == len(line.tokens)),
        "order_base": float(first.orders[0]),
        "order_project": float(first.orders[1]),
        "order_file": float(first.orders[2]),
        "least_order_local": float(min(max(each.orders[1:]) for each in predictions)),
        "count_project": log1p(first.counts[0]),
        "count_file": log1p(first.counts[1]),
        "agreed_chars": float(agreed),
        "agreed_share": agreed / len(output),
        "ends_in_word": float(_wordlike(ending)),
        "ends_in_opening": float(ending[-1:] in _OPENING),
    }


def _wordlike(token: str) -> bool:
    return token[-1:].isalnum() or token[-1:] == "_"


def _agreeing(one: Sequence[str], other: Sequence[str]) -> int:
    """How many items two sequences have in common before they part."""
    shorter = min(len(one), len(other))
    return next((index for index in range(shorter) if one[index] != other[index]), shorter)
