"""The completion product: an ordinary user of the public API, fed with what people really wrote.

Nothing from the future leaks: at a cursor the product sees the file up to there, and a commit is learned
from only after all of its cursors have been answered.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

import autotroph
from autotroph.clock import ReplayClock, digest, draw
from autotroph.demo.baseline import Tried, tuned
from autotroph.demo.completer import Completer, Project
from autotroph.demo.cursors import Cursor, by_file, learned_text, sample
from autotroph.demo.declaration import declaration
from autotroph.demo.history import Commit, History, base_corpus
from autotroph.demo.ngram import Base
from autotroph.demo.saboteurs import COPYCAT, PEEKER, Disk, Peeker
from autotroph.faces.answers import Answer
from autotroph.faces.library import Product
from autotroph.records import Completion, Decision, Envelope, Record, Signal, Variant, Verdict

FIRST_PART = 0.2
"""Share of the cursors on which release 0 is tuned."""

MEASURED = 0.4
"""Share of the cursors, the last ones, on which the loop is measured."""

TYPING = 30.0
"""Seconds from a suggestion to what the person wrote."""

UNRULY = 0.05
"""Share of the signals that come twice, and share of those that come only after the next cycle."""


class Step(msgspec.Struct, frozen=True):
    """Progress: how many cursors are done, and what just happened."""

    phase: str
    done: int
    of: int
    commit: str = ""


Live = Sequence[tuple[Commit, list[Cursor]]]
Progress = Callable[[Step], None]
Watch = Callable[[str, Verdict], None]


class Replay:
    """A history, its cursors, and where the ledger of the demonstration lies."""

    def __init__(
        self, history: History, seed: int, folder: Path, progress: Progress, cursors: int = 4_000
    ) -> None:
        self.history, self.seed, self.folder, self.progress = history, seed, folder, progress
        whole = list(sample(history, seed, cursors))
        self.total = sum(len(cursors) for _, cursors in whole)
        self.first = int(self.total * FIRST_PART)
        self.commits = list(by_file(whole, self.first))
        large = len(self.commits) - len(whole)
        self.notes = (
            *history.notes,
            *(["a commit larger than the first part is replayed file by file"] if large else []),
        )

    def run(self, watch: Watch) -> Product:
        """Tune release 0, then live: every commit is answered, reported on, and followed by a cycle.

        Args:
            watch: told of each verdict, with the name of the candidate.
        """
        self._watch = watch
        self.progress(Step("the language", 0, self.total))
        texts = base_corpus() if self.history.python_share > 0.5 else ()
        completer = Completer(Base(texts), Project())
        tried, early, live = self._first_part(completer)
        product, disk = self._open(completer, tuned(tried))
        try:
            self._import(product, tried, early)
            self._live(product, disk, live)
        except BaseException:
            product.close()
            raise
        return product

    # the first part ----------------------------------------------------------------------------------

    def _first_part(self, completer: Completer) -> tuple[list[Tried], list[Commit], Live]:
        learner, tried, done = completer.fresh(), list[Tried](), 0
        for place, (commit, cursors) in enumerate(self.commits):
            if done >= self.first:
                return tried, [one for one, _ in self.commits[:place]], self.commits[place:]
            for cursor in cursors:
                tried.append(Tried(cursor, commit.at, tuple(learner.propose(_inputs(cursor)))))
            done += len(cursors)
            learner.learn(learned_text(commit))
            self.progress(Step("tuning release 0", done, self.total, commit.id))
        return tried, [commit for commit, _ in self.commits], []

    def _open(self, completer: Completer, threshold: float) -> tuple[Product, Disk]:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "autotroph.toml"
        path.write_text(declaration(threshold), encoding="utf-8")
        disk = Disk()
        self._clock = ReplayClock(f"seed {self.seed}", at=self.commits[0][0].at)
        models = {"completer": completer, "disk": Peeker(disk)}
        return autotroph.open(path, models=models, clock=self._clock), disk

    def _import(self, product: Product, tried: Sequence[Tried], early: Sequence[Commit]) -> None:
        """The product's past, as it was before it was measured: marked as imported, and proof of nothing."""
        rows = [row for one in tried for row in _imported(one, product.spec.digest)]
        rows += [_committed(commit) for commit in early if learned_text(commit)]
        product.import_decisions(*rows).durable()

    # live --------------------------------------------------------------------------------------------

    def _live(self, product: Product, disk: Disk, live: Live) -> None:
        done = self.total - sum(len(cursors) for _, cursors in live)
        self._clock.advance(live[0][0].at if live else 0.0)
        self._cycle(product, 1)
        self._sabotage(product)
        number, late = 1, list[Cursor]()
        for commit, cursors in live:
            self._clock.advance(commit.at)
            number += bool(cursors)
            if cursors and product.rooms.last.number < number:
                self._deliver(product, late)
                self._answer(product, disk, cursors)
            self._report(product, commit)  # once more after an interruption: the ledger knows it by its key
            for cursor in cursors:
                disk.write(cursor.path, cursor.whole)
            if cursors:
                self._clock.advance(self._clock.now() + 60.0)
                self._cycle(product, number)
                done += len(cursors)
                late = [cursor for cursor in cursors if self._is_late(cursor)]
            self.progress(Step("live", done, self.total, commit.id))
        self._deliver(product, late)
        self._clock.advance(self._clock.now() + 86400.0)
        self._cycle(product, number + 1)

    def _cycle(self, product: Product, number: int) -> None:
        """Once round, unless that round was done before an interruption."""
        if product.rooms.last.number >= number:
            return
        before = product.store.last()
        product.cycle()
        candidates = product.rooms.desks["complete"].board.candidates
        for verdict in product.store.scan(Verdict, after=before):
            self._watch(candidates[verdict.candidate].name, verdict)

    def _sabotage(self, product: Product) -> None:
        board = product.rooms.desks["complete"].board
        known = {one.name for one in board.candidates.values()}
        if "saboteur: copycat" not in known:
            product.propose("complete", "saboteur: copycat", policy=COPYCAT)
        if "saboteur: peeker" in known:
            return
        main = product.rooms.desks["complete"].standing.main.release.body
        body = replace(main, variants={**main.variants, "peek": Variant(model="disk")}, envelope=Envelope())
        product.propose("complete", "saboteur: peeker", policy=PEEKER, body=body)

    def _answer(self, product: Product, disk: Disk, cursors: Sequence[Cursor]) -> None:
        """Ask at each cursor, and report what the person wrote: at once, twice, or only later."""
        for cursor in cursors:
            disk.write(cursor.path, cursor.whole[: cursor.offset])
            answer = self._decide(product, cursor)
            if not self._is_late(cursor):
                self._written(product, answer, cursor)
            if draw(str(self.seed), "twice", cursor.id) < UNRULY:
                self._written(product, answer, cursor)

    def _deliver(self, product: Product, late: Sequence[Cursor]) -> None:
        """Report what an editor kept back until after the cycle."""
        for cursor in late:
            self._written(product, self._decide(product, cursor), cursor)

    def _decide(self, product: Product, cursor: Cursor) -> Answer:
        return product.decide("complete", _inputs(cursor), session=cursor.commit, key=cursor.id)

    def _written(self, product: Product, answer: Answer, cursor: Cursor) -> None:
        at = answer.decision.at + TYPING
        product.signal(answer.id, "written", cursor.left, at=at)
        if answer.output:
            product.signal(answer.id, "accepted", cursor.left.startswith(answer.output), at=at)

    def _is_late(self, cursor: Cursor) -> bool:
        return draw(str(self.seed), "late", cursor.id) < UNRULY

    def _report(self, product: Product, commit: Commit) -> None:
        text = learned_text(commit)
        if text:
            product.signal(commit.id, "committed", text)


def _inputs(cursor: Cursor) -> dict[str, str]:
    return {"path": cursor.path, "before": cursor.before}


def _imported(tried: Tried, declared: str) -> list[Record]:
    cursor = tried.cursor
    id_ = f"decision_{digest('import', cursor.id)[:20]}"
    decision = Decision(
        id=id_,
        task="complete",
        release="",
        epoch=0,
        arm="main",
        p_arm=1.0,
        options=(),
        option="",
        unit=id_,
        unit_kind="decision",
        cluster=cursor.commit,
        fold="tracks",
        policy="",
        variant="",
        declaration=declared,
        at=tried.at,
        session=cursor.commit,
        key=f"import/{cursor.id}",
        provenance="import",
        inputs=_inputs(cursor),
        proposals=tried.proposals,
    )
    written = Signal(
        id=f"signal_{digest('import', cursor.id)[:20]}",
        name="written",
        about="decision",
        subject=id_,
        value=cursor.left,
        at=tried.at + TYPING,
        fold="tracks",
        key=f"import/{cursor.id}",
    )
    return [decision, Completion(decision=id_, output="", at=tried.at), written]


def _committed(commit: Commit) -> Signal:
    return Signal(
        id=f"signal_{digest('import', commit.id)[:20]}",
        name="committed",
        about="session",
        subject=commit.id,
        value=learned_text(commit),
        at=commit.at,
        fold="tracks",
        key=f"import/{commit.id}",
    )
