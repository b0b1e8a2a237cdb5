"""`autotroph datasets`: frozen lists of examples to train on, and files of them."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from autotroph.errors import InputError
from autotroph.faces.cli import options
from autotroph.faces.cli.bars import bar
from autotroph.faces.cli.opening import opened, reader_of
from autotroph.faces.cli.refusals import Polite

if TYPE_CHECKING:
    from autotroph.digest.datasets.building import Built
    from autotroph.digest.datasets.comparing import Differences
    from autotroph.digest.datasets.manifest import Manifest, Reference
    from autotroph.store import Reader

SHAPES = (
    *("language-modeling", "prompt-only", "prompt-completion", "preference", "unpaired-preference"),
    *("openai", "table"),
)
LISTED = 20
"""Differences that a person is shown; --json has them all."""

INSTEAD = "autotroph.digest.datasets.building.build(product.store, product.spec, Recipe(…)),"


@click.group(cls=Polite, short_help="Freeze examples to train on, and export them.")
def datasets() -> None:
    """Freeze examples to train on: what may be learned from, split, without duplicates, with lineage.

    A dataset never holds a text: who is erased is gone from every dataset.
    """


@datasets.command(short_help="Freeze a dataset of a task.")
@click.option("--task", required=True, help="Whose decisions.")
@click.option("--target", default="", help="The text signal to learn, such as what a person finally wrote.")
@click.option("--pairs", is_flag=True, help="Preferences: the written over the served, or the best answer.")
@click.option("--min-reward", "minimum", type=float, help="The smallest reward.")
@click.option("--max-reward", "maximum", type=float, help="The largest reward.")
@click.option("--good", type=float, help="The reward from which an answer is preferred.")
@click.option("--source", type=click.Choice(["product", "import"]), default=None, help="Only from there.")
@click.option("--purpose", "purposes", multiple=True, help="What else must have been agreed to.")
@click.option("--validation", type=float, default=0.1, show_default=True, help="Share of the users.")
@click.option("--test", type=float, default=0.1, show_default=True, help="Share of the users.")
@click.option("--cut", help="A time: the test has only what came from then on, the rest what came before.")
@click.option("--keep-duplicates", is_flag=True, help="Keep examples that say the same.")
@click.option(
    "--near", type=float, default=0.8, show_default=True, help="Similar texts are one; 0: equal ones."
)
@click.option("--per-user", type=int, default=0, help="At most so many of a user.")
@click.option("--per-source", type=int, default=0, help="At most so many of product, and of imports.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of split and caps.")
@click.option("--through", type=int, help="Rows up to this ledger sequence count.  [default: all]")
@options.config
@options.as_json
def build(
    *, config: Path, as_json: bool, through: int | None, cut: str | None, keep_duplicates: bool, **asked: Any
) -> None:
    """Freeze the examples of a task that may be learned from and whose reward is final.

    The same ledger and the same options give the same digest. Prints how many were left out, and why.
    """
    from autotroph.digest.datasets.building import build as built_of
    from autotroph.digest.datasets.manifest import freeze
    from autotroph.digest.datasets.recipe import Recipe

    asked["source"] = asked["source"] or ""
    recipe = Recipe(cut=_moment(cut), duplicates="keep" if keep_duplicates else "drop", **asked)
    with opened(config, INSTEAD) as product, bar("reading examples") as progress:
        built = built_of(product.store, product.spec, recipe, through=through, progress=progress)
        product.store.append(freeze(built.manifest)).durable()
    if as_json:
        options.emit({**_told(built.manifest), "answers": built.answers, "left": built.left})
    else:
        _say_built(built)


@datasets.command(short_help="Say what a dataset holds, or which hold a decision or a user.")
@click.argument("name", default="")
@click.option("--of", "decision", default="", help="Which datasets hold this decision.")
@click.option("--user", default="", help="Which datasets hold anything of this user, erased or not.")
@options.config
@options.as_json
def show(*, name: str, decision: str, user: str, config: Path, as_json: bool) -> None:
    """Say what the dataset NAME holds (the beginning of its digest is enough), or list all there are.

    With --of or --user: which datasets hold it, for what, and the candidates that were made from them.
    """
    if sum(map(bool, (name, decision, user))) > 1:
        raise click.UsageError("NAME, --of and --user ask three things: choose one")
    with closing(reader_of(config)) as reader:
        if decision or user:
            _show_holding(reader, decision, user, as_json=as_json)
        elif name:
            _show_one(reader, name, as_json=as_json)
        else:
            _show_all(reader, as_json=as_json)


@datasets.command(short_help="Say what changed from one dataset to another.")
@click.argument("before")
@click.argument("after")
@options.config
@options.as_json
def diff(*, before: str, after: str, config: Path, as_json: bool) -> None:
    """Say what AFTER has and BEFORE has not, and the other way; and whose reward, split or text moved."""
    from autotroph.digest.datasets.comparing import compare
    from autotroph.digest.datasets.manifest import load

    with closing(reader_of(config)) as reader:
        found = compare(load(reader, before), load(reader, after))
        ids = _ids(reader, [one.decision for one in found.list])
    told = {
        "counts": found.counts(),
        "asked": {name: {"before": was, "after": now} for name, (was, now) in found.asked.items()},
        "list": [
            {"change": one.change, "decision": ids.get(one.decision), "sequence": one.decision}
            | {side: _side(each) for side, each in (("before", one.before), ("after", one.after))}
            for one in found.list
        ],
    }
    if as_json:
        options.emit(told)
    else:
        _say_diff(found, told)


@datasets.command(short_help="Write a dataset to files for a trainer.")
@click.argument("name")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--shape", type=click.Choice(SHAPES), required=True, help="What becomes of each example.")
@click.option(
    "--form",
    type=click.Choice(["standard", "conversational"]),
    default="standard",
    show_default=True,
    help="Plain texts, or messages of a chat.",
)
@click.option("--parquet", is_flag=True, help="Parquet instead of a JSON document a line.")
@click.option("--force", is_flag=True, help="Write over files that are there.")
@options.config
@options.as_json
def export(*, name: str, folder: Path, config: Path, as_json: bool, **how: Any) -> None:
    """Write the dataset NAME to FOLDER: train, validation and test, and dataset.json, which says what it is.

    Shapes are the dataset types of TRL, OpenAI's fine-tuning, or a table with provenance. Only reads, so it
    works while the product runs. Examples of people who were erased are left out, and counted.
    """
    from autotroph.digest.datasets.exporting import Into
    from autotroph.digest.datasets.exporting import export as write
    from autotroph.digest.datasets.manifest import load
    from autotroph.digest.datasets.shapes import Shaping

    with closing(reader_of(config)) as reader:
        manifest = load(reader, name)
        good = 0.5 if manifest.recipe.good is None else manifest.recipe.good
        shaping = Shaping(shape=how["shape"], form=how["form"], good=good)
        into = Into(folder, "parquet" if how["parquet"] else "jsonl", how["force"])
        with bar("exporting") as progress:
            done = write(reader, manifest, shaping, into, progress=progress)
    if done.gone:
        options.say(f"{done.gone:,} of {len(manifest):,} examples are not in the ledger any more: left out")
    if as_json:
        told = {"dataset": manifest.digest, "folder": str(folder), "files": done.files, "gone": done.gone}
        options.emit(told | {"warning": manifest.warning})
    else:
        for file, rows in done.files.items():
            click.echo(f"{folder / file}: {rows:,} examples")
        _warn(manifest)


# told ----------------------------------------------------------------------------------------------------


def _moment(text: str | None) -> float | None:
    """Seconds since the epoch; a date without a zone is UTC."""
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InputError(
            f"--cut {text!r} is no time; write 2026-01-31, 2026-01-31T12:00:00Z, or seconds since the epoch"
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _told(manifest: Manifest) -> dict[str, Any]:
    import msgspec

    from autotroph.digest.datasets.manifest import ORIGINS, SPLITS

    return {
        "digest": manifest.digest,
        "examples": len(manifest),
        "splits": dict(zip(SPLITS, manifest.sizes, strict=True)),
        "users": len(manifest.owners),
        "origins": {name: manifest.origins.count(place) for place, name in enumerate(ORIGINS)},
        "human": manifest.human,
        "warning": manifest.warning,
        "recipe": msgspec.to_builtins(manifest.recipe),
        "basis": msgspec.to_builtins(manifest.basis),
    }


def _side(one: Reference | None) -> dict[str, Any] | None:
    return None if one is None else {"split": one.split, "reward": one.reward, "against": one.against}


def _ids(reader: Reader, sequences: list[int]) -> dict[int, str]:
    """The ids of decisions that are there still."""
    import msgspec

    sql = "SELECT d.sequence, d.id FROM json_each(?) AS w CROSS JOIN decisions AS d ON d.sequence = w.value"
    rows = reader.query(sql, (msgspec.json.encode(sequences).decode(),)).rows
    return dict(msgspec.convert(rows, list[tuple[int, str]]))


# said ----------------------------------------------------------------------------------------------------


def _say_built(built: Built) -> None:
    manifest = built.manifest
    _say_head(manifest)
    for why, count in sorted(built.left.items(), key=lambda item: -item[1]):
        click.echo(f"  left out  {count:,} of {built.answers:,} answers: {why}")
    if not manifest.decisions:
        options.say("nothing is in it: see what was left out, and why")
    _warn(manifest)


def _say_head(manifest: Manifest) -> None:
    told = _told(manifest)
    splits = ", ".join(f"{count:,} {split}" for split, count in told["splits"].items())
    origins = ", ".join(f"{count:,} {name}" for name, count in told["origins"].items() if count)
    recipe, basis = manifest.recipe, manifest.basis
    kind = "preferences" if recipe.pairs else "examples"
    learned = f", target {recipe.target}" if recipe.target else ""
    click.echo(f"dataset {manifest.digest}")
    click.echo(
        f"  {told['examples']:,} {kind} of task {recipe.task}{learned}, of {told['users']:,} users: {splits}"
    )
    click.echo(f"  origin of what is learned: {origins or 'nothing'}; written by people {manifest.human:.0%}")
    click.echo(f"  by reward {basis.reward} {basis.version[:12]}, ledger through {basis.through:,}")


def _warn(manifest: Manifest) -> None:
    if manifest.warning:
        options.say(f"warning: {manifest.warning}")


def _show_one(reader: Reader, name: str, *, as_json: bool) -> None:
    from autotroph.digest.datasets.manifest import gone, learned_from, load

    manifest = load(reader, name)
    missing, candidates = gone(reader, manifest), learned_from(reader, manifest.digest)
    if as_json:
        made = [{"id": one.id, "name": one.name, "track": one.track} for one in candidates]
        options.emit(_told(manifest) | {"gone": missing, "candidates": made})
        return
    _say_head(manifest)
    click.echo(f"  {missing:,} of its examples are gone from the ledger (erased, or let go)")
    for one in candidates:
        click.echo(f"  candidate {one.name} ({one.id}) was made from it by {one.track}")
    _warn(manifest)


def _show_all(reader: Reader, *, as_json: bool) -> None:
    from autotroph.digest.datasets.manifest import load, names
    from autotroph.faces.terminal import screen

    found = [load(reader, name) for name in names(reader)]
    if as_json:
        options.emit({"datasets": [_told(one) for one in found]})
        return
    rows = [(one.digest[:12], one.recipe.task, len(one), *one.sizes, f"{one.human:.0%}") for one in found]
    columns = ("dataset", "task", "examples", "train", "validation", "test", "human")
    screen.show(screen.table(columns, rows))


def _show_holding(reader: Reader, decision: str, user: str, *, as_json: bool) -> None:
    from autotroph.digest.datasets.manifest import holding, learned_from

    found = holding(reader, decision=decision, user=user)
    told = [
        {
            "dataset": name,
            "examples": len(held),
            "splits": dict(Counter(one.split for one in held)),
            "candidates": [one.id for one in learned_from(reader, name)],
        }
        for name, held in found.items()
    ]
    if as_json:
        options.emit({"datasets": told})
        return
    if not told:
        click.echo("no dataset holds it")
    for one in told:
        splits = ", ".join(f"{count:,} {split}" for split, count in one["splits"].items())  # type: ignore[attr-defined]
        made = "".join(f"; candidate {id_}" for id_ in one["candidates"])  # type: ignore[attr-defined]
        click.echo(f"dataset {one['dataset']}: {splits}{made}")


def _say_diff(found: Differences, told: dict[str, Any]) -> None:
    from autotroph.faces.terminal import screen

    click.echo(" · ".join(f"{count:,} {change}" for change, count in found.counts().items()))
    for name, (was, now) in found.asked.items():
        click.echo(f"  {name}: {was} → {now}")
    rows = [
        (one["change"], one["decision"] or f"gone (sequence {one['sequence']})", *_moves(one))
        for one in told["list"][:LISTED]
    ]
    if rows:
        screen.show(screen.table(("change", "decision", "before", "after"), rows))
    if len(told["list"]) > LISTED:
        options.say(f"the first {LISTED} of {len(told['list']):,} are shown; --json has them all")


def _moves(one: dict[str, Any]) -> list[object]:
    field = "reward" if one["change"] == "reward" else "split"
    return [one[side] and one[side][field] for side in ("before", "after")]
