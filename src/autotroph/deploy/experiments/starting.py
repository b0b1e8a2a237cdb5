"""An experiment begins: its arms are made out of what was declared, and are what they are from then on."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from autotroph.clock import digest
from autotroph.deploy.board import Board
from autotroph.deploy.experiments.journal import STARTED, Experiment
from autotroph.deploy.standing import Live, Standing
from autotroph.errors import InputError, UnknownName
from autotroph.policy.documents import freeze
from autotroph.records import Artefact, Body, Entry, Envelope, Record, Release, Stage
from autotroph.spec import ExperimentSpec, Longest, PolicyDocument, TaskSpec

MAIN = "main"
"""The arm that is what serves when the experiment starts."""


class Made(NamedTuple):
    """What an arm answers with: a body, and what its models know; the document of a policy of its own."""

    body: Body
    knowledge: int
    document: Artefact | None = None


def begun(  # noqa: PLR0913 - what was declared, for whom, and when
    name: str, declared: ExperimentSpec, task: TaskSpec, board: Board, standing: Standing, by: str, now: float
) -> list[Record]:
    """The rows that start an experiment.

    Args:
        name: what it is called.
        declared: it, without faults.
        task: the declaration of its task.
        board: of the task.
        standing: what stands.
        by: who starts it.
        now: seconds since the epoch.

    Raises:
        InputError: one of this name is under way, or an arm names more than one thing.
        UnknownName: an arm names nothing.
    """
    if any(one.name == name for one in board.experiments.running):
        raise InputError(f"experiment {name!r} is under way; stop it first (`autotroph experiment stop`)")
    made = {arm: _made(what, board, standing.main) for arm, what in declared.arms.items()}
    nth = len(board.experiments.all)
    id_ = f"experiment_{digest(declared.task, name, *made, str(nth), str(now))[:20]}"
    main = _frozen(standing.main)
    experiment = Experiment(
        id=id_,
        name=name,
        task=declared.task,
        arms={arm: f"release_{digest(id_, arm)[:20]}" for arm in made},
        same=tuple(
            arm for arm, one in made.items() if (one.body, one.knowledge) == (main.body, main.knowledge)
        ),
        share=declared.share,
        metric=declared.metric or task.reward,
        guardrails=task.guardrails if declared.guardrails is None else declared.guardrails,
        margin=declared.margin,
        planned=declared.planned,
        alpha=declared.alpha,
        stops=declared.stops,
        at=now,
    )
    return [
        *(one.document for one in made.values() if one.document is not None),
        *(row for arm, one in made.items() for row in _released(experiment, arm, one, standing.main, now)),
        Entry(actor=by, event=STARTED, subject=name, details=_details(experiment), at=now),
    ]


def _details(experiment: Experiment) -> dict[str, object]:
    found: dict[str, object] = msgspec.to_builtins(experiment)
    del found["since"]  # the row's own sequence
    return found


def _released(experiment: Experiment, arm: str, made: Made, main: Live, now: float) -> tuple[Release, Stage]:
    release = Release(
        id=experiment.arms[arm],
        task=experiment.task,
        name=f"{experiment.name}: {arm}",
        parent=main.release.id,
        candidate="",
        verdict="",
        body=made.body,
        at=now,
    )
    stage = Stage(
        task=experiment.task,
        release=release.id,
        epoch=0,
        name="experiment",
        share=experiment.share / len(experiment.arms),
        policy=made.body.policy,
        knowledge=made.knowledge,
        verdict="",
        at=now,
    )
    return release, stage


def _made(what: str | PolicyDocument, board: Board, main: Live) -> Made:
    if not isinstance(what, str):
        return _with_policy(what, main)
    if what == MAIN:
        return _frozen(main)
    choices = [*main.release.body.actions, *main.release.body.variants]
    releases = [live for live in board.released() if what in (live.release.id, live.release.name)]
    found = [*([what] if what in choices else []), *releases]
    if not found:
        names = [MAIN, *choices, *(live.release.name for live in board.released())]
        raise UnknownName("release, variant or action", what, names)
    if len(found) > 1:
        ids = ", ".join(live.release.id for live in releases)
        raise InputError(f"{what!r} is the name of {len(found)} things; say which release by its id: {ids}")
    return _frozen(releases[0]) if releases else _with_policy(Longest(variant=what), main)


def _with_policy(policy: PolicyDocument, main: Live) -> Made:
    document, like = freeze(policy), _frozen(main)
    return Made(replace(like.body, policy=document.digest), like.knowledge, document)


def _frozen(live: Live) -> Made:
    """A release as it answers now: nothing of it learns on, and nothing refits it."""
    knowledge = live.stage.knowledge
    variants = {
        name: replace(one, learns=False, knowledge=knowledge if one.learns else one.knowledge)
        for name, one in live.release.body.variants.items()
    }
    body = replace(live.release.body, variants=variants, policy=live.stage.policy, envelope=Envelope())
    return Made(body, knowledge)


def unknown(name: str, known: Sequence[Experiment]) -> UnknownName:
    """There is no experiment of this name."""
    return UnknownName("experiment", name, {one.name for one in known})
