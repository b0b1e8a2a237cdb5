"""The house as drawn: imports go down a ladder, starting is quick, every file of a room is introduced."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pytest
from importlinter.application.use_cases import lint_imports
from importlinter.configuration import configure

import autotroph

ROOT = Path(__file__).parent.parent
SOURCE = Path(autotroph.__file__).parent
LADDER = ROOT / ".importlinter"
ROOMS = ("ingest", "digest", "optimize", "deploy", "observe", "policy", "features", "prompts", "govern")
HEAVY = {"torch", "pandas", "duckdb", "psycopg", "pyspark", "transformers", "trl", "pyarrow", "scipy"}
FELT = ("numpy", "sqlglot", "apsw", "rich", "click", "msgspec")
MODULES = sorted(found.name for found in walk_packages(autotroph.__path__, "autotroph."))


@pytest.fixture(autouse=True)
def _configured() -> None:
    configure()


def test_imports_go_down_the_ladder():
    assert lint_imports(str(LADDER), cache_dir=None)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("    store\n", ""),  # a part that stands nowhere
        # policy evaluates with features
        ("    policy\n    features | prompts\n", "    policy | features | prompts\n"),
        ("    rooms\n", "    deploy | rooms\n"),
    ],
)
def test_a_broken_ladder_is_noticed(tmp_path, before, after):
    drawn = LADDER.read_text("utf-8")
    assert before in drawn
    other = tmp_path / "importlinter.ini"
    other.write_text(drawn.replace(before, after, 1), "utf-8")
    assert not lint_imports(str(other), cache_dir=None)


def test_heavy_modules_are_imported_where_they_are_used():
    found = {
        f"{file.relative_to(SOURCE)}: {name}"
        for file in SOURCE.rglob("*.py")
        if file.relative_to(SOURCE).parts[0] != "adapters"
        for name in _imported_at_once(ast.parse(file.read_text("utf-8")))
        if name.partition(".")[0] in HEAVY
    }
    assert not found


def test_importing_autotroph_imports_nothing_that_is_felt():
    code = "import sys, autotroph; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "autotroph" in loaded
    assert not loaded & set(FELT)


@pytest.mark.parametrize("name", MODULES)
def test_what_a_module_offers_is_there(name):
    module = import_module(name)
    offered = getattr(module, "__all__", None)
    if offered is None:
        return
    assert len(set(offered)) == len(offered)
    assert [each for each in offered if not hasattr(module, each)] == []


@pytest.mark.parametrize("name", ["autotroph", "autotroph.spec", "autotroph.store"])
def test_what_a_package_gathers_it_offers(name):
    module = import_module(name)
    tree = ast.parse(Path(str(module.__file__)).read_text("utf-8"))
    gathered = {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith(f"{name}.")
        for alias in node.names
    }
    assert gathered <= set(module.__all__)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_introduces_each_of_its_files(room):
    introduced = import_module(f"autotroph.{room}").__doc__ or ""
    files = {file.name for file in (SOURCE / room).glob("*.py")} - {"__init__.py"}
    files |= {f"{inner.parent.name}/" for inner in (SOURCE / room).glob("*/__init__.py")}
    assert {name for name in files if f"| {name} |" not in introduced} == set()
    assert introduced.count("\n|") == len(files) + 2


def _imported_at_once(tree: ast.Module) -> Iterator[str]:
    """What importing a module imports; not what stands in a function, or only for types."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=module, level=0):
                yield str(module)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                continue
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), orelse=rest):
                waiting += rest
            case _:
                waiting += ast.iter_child_nodes(node)
