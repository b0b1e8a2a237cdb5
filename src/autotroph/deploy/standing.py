"""Who serves what: the stages of a task's releases, folded into where each of them stands now."""

from collections.abc import Iterable, Mapping

import msgspec

from autotroph.records import Release, Stage


class Live(msgspec.Struct, frozen=True):
    """A release and its newest stage."""

    release: Release
    stage: Stage


class Allotment(msgspec.Struct, frozen=True):
    """An experiment's share of the people, in equal parts among what its arms answer with."""

    experiment: str
    share: float
    lives: tuple[Live, ...]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """One task's releases by what they are to people.

    `zero` is what holdback units get for good; `main` is what everybody else gets, except for the share
    that meets the `canary`; `shadows` answer the same decisions without being shown; `parent` is what
    `main` replaced, kept beside it to tell harm from a bad day; `baselines` are shadowed for comparison
    and never served. `experiments` take their people out before the ladder, in the order in which they began.
    """

    zero: Live
    main: Live
    parent: Live | None
    canary: Live | None
    shadows: tuple[Live, ...]
    baselines: tuple[Live, ...]
    experiments: tuple[Allotment, ...] = ()

    @property
    def everyone(self) -> tuple[Live, ...]:
        """Each release that answers decisions, shown or not, once, in a fixed order."""
        optional = [live for live in (self.parent, self.canary) if live is not None]
        lives = (self.zero, self.main, *optional, *self.shadows, *self.baselines)
        found = {live.release.id: live for live in lives}
        return tuple(found.values())

    @property
    def open(self) -> tuple[Live, ...]:
        """The releases that are on the ladder: in shadow, or in front of a share of the people."""
        return (*([self.canary] if self.canary else []), *self.shadows)


def standing(
    releases: Mapping[str, Release],
    stages: Mapping[str, Stage],
    zero: str,
    experiments: Iterable[tuple[str, float, Iterable[str]]] = (),
) -> Standing | None:
    """Fold a task's releases.

    Args:
        releases: by id.
        stages: the newest stage of each release, by its id, in the order in which the releases came.
        zero: the release that served first.
        experiments: under way: id, share, and the releases of the arms.

    Returns:
        None where nothing serves yet.
    """
    lives = {id_: Live(releases[id_], stage) for id_, stage in stages.items()}
    by_name: dict[str, list[Live]] = {}
    for live in lives.values():
        by_name.setdefault(live.stage.name, []).append(live)
    if "serving" not in by_name:
        return None
    main = by_name["serving"][-1]
    return Standing(
        zero=lives[zero],
        main=main,
        parent=lives.get(main.release.parent),
        canary=next(iter(by_name.get("canary", ())), None),
        shadows=tuple(by_name.get("shadow", ())),
        baselines=tuple(by_name.get("baseline", ())),
        experiments=tuple(
            Allotment(id_, share, tuple(lives[arm] for arm in arms)) for id_, share, arms in experiments
        ),
    )
