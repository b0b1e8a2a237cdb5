"""Source that every machine has once autotroph is installed: its dependencies, and the standard library."""

import re
import sys
import sysconfig
from collections import Counter
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path, PurePosixPath

from autotroph.demo.commits import History, enough
from autotroph.demo.folder import ONE_FILE_NOTE, file_text, one_file_a_commit, readable, walk, within

_DEPENDENCIES = ("apsw", "click", "msgspec", "numpy", "rich", "sqlglot")


def read_installed(seed: int = 0, files: int = 600, characters: int = 6_000_000) -> History:
    """Read the source of the installed dependencies: every one is represented, one file counts as one commit.

    The choice of files depends on `seed` and on what is installed, on nothing else.
    """
    recorded = {name: sorted(_recorded(name)) for name in _dependencies()}
    skipped: Counter[str] = Counter()
    found = readable(recorded, seed, skipped)
    commits = one_file_a_commit(within(found, files, characters))
    total = sum(len(some) for some in recorded.values())
    notes = (*ONE_FILE_NOTE, f"{total:,} files of {', '.join(recorded)}: {len(commits):,} are replayed")
    return enough(
        History("installed dependencies", "installed", commits, dict(skipped), notes), Path(sys.prefix)
    )


def _dependencies() -> list[str]:
    """The installed distributions that autotroph needs at run time, and those that they need."""
    waiting, known = ["autotroph"], {"autotroph"}
    while waiting:
        needed = [_canonical(name) for name in _requirements(waiting.pop())]
        fresh = [name for name in dict.fromkeys(needed) if name not in known]
        waiting += fresh
        known.update(fresh)
    return sorted(name for name in known - {"autotroph"} if _installed(name))


def _requirements(name: str) -> list[str]:
    try:
        required = metadata.requires(name)
    except metadata.PackageNotFoundError:
        return list(_DEPENDENCIES) if name == "autotroph" else []
    wanted = [line for line in required or [] if "extra" not in line.partition(";")[2]]
    return [found[0] for line in wanted if (found := re.match(r"[\w.-]+", line))]


def _canonical(name: str) -> str:
    """A distribution's name as packaging compares it.

    >>> _canonical("Markdown_it.py")
    'markdown-it-py'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def _installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _recorded(name: str) -> Iterator[tuple[Path, str]]:
    """A distribution's own Python files: where they are, and their paths as it records them."""
    distribution = metadata.distribution(name)
    for file in distribution.files or []:
        if file.suffix in {".py", ".pyi"} and ".." not in file.parts and not _is_test(file):
            yield Path(str(distribution.locate_file(file))), file.as_posix()


def _is_test(path: PurePosixPath) -> bool:
    named = path.name.startswith("test_") or path.name.endswith("_test.py") or path.name == "conftest.py"
    return named or bool({"test", "tests", "_tests", "testing"} & set(path.parts))


def base_corpus(characters: int = 12_000_000) -> Iterator[str]:
    """The texts of this interpreter's standard library, in the order of their paths, as far as they fit."""
    library = Path(sysconfig.get_path("stdlib"))
    for file in walk(library):
        path = file.relative_to(library)
        if file.suffix != ".py" or _is_test(PurePosixPath(path)) or not _FOREIGN.isdisjoint(path.parts):
            continue
        text, reason = file_text(file, path.as_posix())
        characters -= len(text)
        if characters < 0:
            return
        if not reason:
            yield text


_FOREIGN = {"site-packages", "dist-packages", "idlelib", "lib2to3", "ensurepip", "turtledemo", "pydoc_data"}
