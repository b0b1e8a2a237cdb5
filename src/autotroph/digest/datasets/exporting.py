"""Examples to files, a file a split: streamed, checked against the manifest, whole or not there."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Literal

import msgspec

from autotroph.digest.datasets.building import Progress
from autotroph.digest.datasets.contents import Content, contents
from autotroph.digest.datasets.manifest import SPLITS, Manifest, Reference
from autotroph.digest.datasets.shapes import Shape, Shaping, shaped
from autotroph.errors import InputError, LedgerError
from autotroph.store import Reader

Suffix = Literal["jsonl", "parquet"]

CARD = "dataset.json"
BATCH = 1000
MEMORY = "1GB"

_ENCODE = msgspec.json.Encoder()


class Into(msgspec.Struct, frozen=True):
    """Where files go.

    Attributes:
        folder: is made if need be.
        suffix: JSON, a document a line; or Parquet.
        force: whether files that are there are written over.
    """

    folder: Path
    suffix: Suffix = "jsonl"
    force: bool = False


class Exported(msgspec.Struct, frozen=True):
    """What was written.

    Attributes:
        files: how many examples each file has, by its name in the folder.
        gone: how many examples are not in the ledger any more, and were left out.
    """

    files: dict[str, int]
    gone: int


def export(
    reader: Reader,
    manifest: Manifest,
    shaping: Shaping,
    into: Into,
    *,
    progress: Progress = lambda _done, _of: None,
) -> Exported:
    """Writes train, validation and test, as far as there are any, and `dataset.json`, which says what it is.

    Args:
        reader: of the ledger that the dataset is of.
        manifest: which examples.
        shaping: what is made of each.
        into: where they go; only for oneself to read.
        progress: is told how many examples are done, of how many.

    Raises:
        InputError: the shape does not fit the examples, or files are there already or cannot be written.
        LedgerError: the texts of an example are not those that the manifest was made of.
    """
    _check(manifest, shaping, into.suffix)
    folder = into.folder
    names = [f"{split}.{into.suffix}" for split in SPLITS] + [CARD]
    there = [name for name in names if (folder / name).exists()]
    if there and not into.force:
        raise InputError(f"{folder} has {', '.join(there)} already; force writes over it, or name another")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".export-", dir=folder) as scratch:
            made = _written(reader, manifest, Path(scratch), shaping, progress)
            if into.suffix == "parquet":
                made.files = _to_parquet(Path(scratch), made.files, shaping)
            _put_card(Path(scratch), manifest, shaping, made)
            for name in names:
                _move(Path(scratch) / name, folder / name)
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror or error}") from error
    return Exported(made.files, made.gone)


class _Made(msgspec.Struct):
    """Files on their way."""

    files: dict[str, int]
    gone: int = 0


def _check(manifest: Manifest, shaping: Shaping, suffix: Suffix) -> None:
    pairs = manifest.recipe.pairs
    if shaping.pairs not in (None, pairs):
        said = "preferences (pairs)" if shaping.pairs else "examples that are no pairs"
        raise InputError(f"the shape {shaping.shape} is made of {said}, and this dataset is not")
    if shaping.shape == "openai" and suffix == "parquet":
        raise InputError("OpenAI takes JSON, a document a line: export it as jsonl")
    if shaping.shape in ("openai", "table") and shaping.form == "conversational":
        raise InputError(f"the shape {shaping.shape} has one form: leave the form out")


def _written(
    reader: Reader, manifest: Manifest, scratch: Path, shaping: Shaping, progress: Progress
) -> _Made:
    made = _Made({})
    with ExitStack() as stack:
        files: dict[str, IO[bytes]] = {}
        for place, (one, content) in enumerate(_contents(reader, manifest)):
            if place % BATCH == 0:
                progress(place, len(manifest))
            if content is None:
                made.gone += 1
                continue
            name = f"{one.split}.jsonl"
            if name not in files:
                files[name] = stack.enter_context((scratch / name).open("wb"))
            files[name].write(_ENCODE.encode(shaped(one, content, shaping)) + b"\n")
            made.files[name] = made.files.get(name, 0) + 1
    return made


def _contents(reader: Reader, manifest: Manifest) -> Iterator[tuple[Reference, Content | None]]:
    """Each example with its texts, which are those that were frozen."""
    salt = reader.meta("seed") or ""
    for one, content in zip(manifest, contents(reader, manifest), strict=True):
        if content is not None and content.digest(salt) != one.content:
            raise LedgerError(
                f"decision {content.id} of dataset {manifest.digest[:12]} has other texts than when the"
                " dataset was frozen: the ledger was changed behind it; nothing was exported."
                " `autotroph audit` looks for more, and a backup has the texts as they were"
            )
        yield one, content


def _to_parquet(scratch: Path, files: dict[str, int], shaping: Shaping) -> dict[str, int]:
    """Each file as Parquet."""
    import duckdb  # imported when used: it is large

    columns = _columns(shaping)
    made = {}
    try:
        with duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": str(scratch)}) as duck:
            duck.execute("SET enable_progress_bar = false")
            for name, rows in files.items():
                into = name.replace(".jsonl", ".parquet")
                source, target = (str(scratch / each).replace("'", "''") for each in (name, into))
                duck.execute(
                    f"COPY (SELECT * FROM read_json('{source}', format = 'newline_delimited',"
                    f" columns = {columns})) TO '{target}' (FORMAT parquet, COMPRESSION zstd)"
                )
                made[into] = rows
    except duckdb.Error as error:
        raise InputError(f"these examples cannot be Parquet: {error}; export them as jsonl") from error
    return made


def _columns(shaping: Shaping) -> str:
    """The types of the columns, as DuckDB reads them."""
    text = "STRUCT(role VARCHAR, content VARCHAR)[]" if shaping.form == "conversational" else "VARCHAR"
    trl: dict[Shape, dict[str, str]] = {
        "language-modeling": {"messages" if shaping.form == "conversational" else "text": text},
        "prompt-only": {"prompt": text},
        "prompt-completion": {"prompt": text, "completion": text},
        "preference": {"prompt": text, "chosen": text, "rejected": text},
        "unpaired-preference": {"prompt": text, "completion": text, "label": "BOOLEAN"},
    }
    table = dict.fromkeys(("decision", "split", "origin", "owner", "inputs"), "VARCHAR")
    table |= {"sequence": "BIGINT", "reward": "DOUBLE", "against": "DOUBLE"}
    table |= dict.fromkeys(("prompt", "completion", "rejected"), "VARCHAR")
    pairs = ", ".join(f"'{name}': '{type_}'" for name, type_ in trl.get(shaping.shape, table).items())
    return f"{{{pairs}}}"


def _put_card(scratch: Path, manifest: Manifest, shaping: Shaping, made: _Made) -> None:
    """What the files are, for whoever finds them."""
    card = {
        "dataset": manifest.digest,
        "recipe": manifest.recipe,
        "basis": manifest.basis,
        "shape": shaping.shape,
        "form": shaping.form,
        "human": manifest.human,
        "files": made.files,
        "gone": made.gone,
    }
    (scratch / CARD).write_bytes(msgspec.json.format(_ENCODE.encode(card), indent=2) + b"\n")


def _move(made: Path, name: Path) -> None:
    """Puts a file where it belongs; one of before that has no successor goes."""
    if made.exists():
        made.chmod(0o600)
        made.replace(name)
    else:
        name.unlink(missing_ok=True)
