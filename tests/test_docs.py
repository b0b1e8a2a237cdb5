"""What the pages say is so: their Python runs, their links lead somewhere, the file tree is the file tree."""

import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from autotroph.faces.cli import cli
from autotroph.spec import template

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]
MADE = "faces/static/vega.js"  # when the package is built, so it need not be there
PATH = re.compile(r"[\w.]+(\.\w+|/)")


def python(page: Path) -> str:
    """The Python of a page, in its lines, so that a traceback names the right one; doctests run elsewhere."""
    kept, inside = [], False
    for line in page.read_text("utf-8").split("\n"):
        fence = line.startswith("```")
        kept.append(line if inside and not fence else "")
        inside = line == "```python" if fence else inside
    return "" if any(line.startswith(">>> ") for line in kept) else "\n".join(kept)


@pytest.mark.parametrize(
    "name", [name for name, page in zip(NAMES, PAGES, strict=True) if python(page).strip()]
)
def test_the_python_of_a_page_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / f"{Path(name).stem}.py"
    script.write_text(python(ROOT / name), "utf-8")
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(script))


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    page = ROOT / name
    for target in links(page):
        file, _, heading = target.partition("#")
        found = page.parent / file if file else page
        assert found.exists(), f"{name} links to {target}"
        if heading:
            assert heading in anchors(found), f"{name} links to {target}"


def links(page: Path) -> Iterator[str]:
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" not in target:
            yield target


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_decision_is_listed() -> None:
    text = (ROOT / "docs/architecture.md").read_text("utf-8")
    for page in (ROOT / "docs/decisions").glob("*.md"):
        assert f"(decisions/{page.name})" in text


def test_the_tree_in_the_readme_is_the_tree() -> None:
    package = ROOT / "src/autotroph"
    files = {
        file.relative_to(package).as_posix()
        for file in package.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts and file.name != "__init__.py"
    }
    drawn = list(tree((ROOT / "README.md").read_text("utf-8")))
    named = {path for path in drawn if not path.endswith("/")}
    assert sorted(files - named - {MADE}) == [], "draw these in the README's tree, in the lines of their room"
    assert sorted(named - files - {MADE}) == [], "the README's tree has these, and src/autotroph has not"
    assert len(drawn) == len(set(drawn))
    folders = {path for path in drawn if path.endswith("/")}
    assert folders == {f"{folder.relative_to(package)}/" for folder in package.rglob("*") if own(folder)}


def own(folder: Path) -> bool:
    """Whether a folder is the package's: it has a module, or something else that is no cache."""
    return folder.is_dir() and folder.name != "__pycache__" and any(one.is_file() for one in folder.iterdir())


def tree(text: str) -> Iterator[str]:
    """The paths that are drawn below `src/autotroph/`: indented lines of names, with a remark or without."""
    block = text.split("```\nsrc/autotroph/\n")[1].split("```")[0]
    above: list[tuple[int, str]] = [(0, "")]
    for line in block.rstrip("\n").split("\n"):
        indent = len(line) - len(line.lstrip())
        while above[-1][0] >= indent:
            above.pop()
        for word in line.split():
            if not PATH.fullmatch(word):
                break
            yield above[-1][1] + word
            if word.endswith("/"):
                above.append((indent, above[-1][1] + word))
                break


def test_the_readme_names_every_command() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert set(re.findall(r"^\| `autotroph (\w+)` \|", text, re.MULTILINE)) == set(cli.commands)


def test_the_readme_writes_what_init_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(cli, ["init", "--name", "support"]).exit_code == 0
    assert Path("autotroph.toml").read_text("utf-8") == template("support")
