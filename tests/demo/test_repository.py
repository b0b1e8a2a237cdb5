"""Histories are read from real repositories, built here with the git command."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from histories import PROGRAM, Repository, added, assert_lines_stand_where_they_are_said_to

from autotroph.demo.cursors import learned_text
from autotroph.demo.history import open_history
from autotroph.demo.repository import read_repository
from autotroph.errors import SourceError


def test_commits_come_oldest_first_with_what_each_added(repository: Repository) -> None:
    repository.commit({"a.py": PROGRAM})
    repository.commit({"a.py": PROGRAM.replace("return 7\n", "return 8\n") + "tail = 1\n"})
    history = read_repository(repository.folder)
    assert added(history) == [
        ("a.py", PROGRAM.rstrip("\n").split("\n")),
        ("a.py", ["    return 8", "tail = 1"]),
    ]
    assert history.commits[1].changes[0].added == (range(15, 16), range(30, 31))
    assert [commit.at for commit in history.commits] == [1_700_000_060.0, 1_700_000_120.0]
    learned = learned_text(history.commits[1])
    assert learned.startswith("    return 6\ndef function_7(argument):\n    return 8\n")
    assert (history.kind, history.python_share, history.notes) == ("git", 1.0, ())
    assert_lines_stand_where_they_are_said_to(history)


def test_merges_are_unfolded_and_add_nothing_themselves(repository: Repository) -> None:
    repository.commit({"a.go": PROGRAM})
    repository.git("checkout", "--quiet", "-b", "side")
    repository.commit({"b.rs": "let side = 1;\n"})
    repository.git("checkout", "--quiet", "main")
    repository.commit({"c.js": "let main = 1;\n"})
    repository.git("merge", "--quiet", "--no-ff", "--no-edit", "side")
    repository.commit({"d.sh": "echo after\n"})
    paths = [path for path, _ in added(read_repository(repository.folder))]
    assert sorted(paths) == ["a.go", "b.rs", "c.js", "d.sh"]
    assert (paths[0], paths[-1]) == ("a.go", "d.sh")


def test_a_rename_adds_only_its_new_lines_and_a_deletion_nothing(repository: Repository) -> None:
    repository.commit({"a.py": PROGRAM, "b.py": PROGRAM + "b = 1\n"})
    repository.commit({"a.py": None, "renamed.py": PROGRAM + "new = 1\n"})
    repository.commit({"b.py": None})
    assert added(read_repository(repository.folder))[2:] == [("renamed.py", ["new = 1"])]


def test_what_no_person_typed_is_skipped_and_counted(repository: Repository) -> None:
    repository.commit(
        {
            "a.py": PROGRAM,
            "picture.png": b"\x89PNG\0\0\0",
            "late_nul.py": b"x = 1\n" * 2_000 + b"\0\n",
            "latin.py": "name = 'é'\n".encode("latin-1"),
            "large.py": "x = 1\n" * 60_000,
            "wide.js": "x" * 1_001 + "\n",
            "node_modules/x/index.js": "vendored\n",
            "Cargo.lock": "locked\n",
            "rows.csv": "1,2\n",
            "parser.c": "/* A Bison parser, made by GNU Bison 3.8 */\nint x;\n",
        }
    )
    repository.commit({"parser.c": "/* A Bison parser, made by GNU Bison 3.8 */\nint x;\nint later;\n"})
    (repository.folder / "link.py").symlink_to("a.py")
    repository.commit({"settings.toml": "kept = true\n", "README.md": "auto generated\n"})
    history = read_repository(repository.folder)
    assert [path for path, _ in added(history)] == ["a.py", "README.md", "settings.toml"]
    assert dict(history.skipped) == {
        "binary": 2,
        "not UTF-8": 1,
        "too large": 1,
        "minified": 1,
        "vendored": 1,
        "lock file": 1,
        "data": 1,
        "generated": 2,
        "symbolic link": 1,
    }


def test_odd_names_and_contents_are_read_as_they_are(repository: Repository) -> None:
    names = [
        "two words.py",
        "new\nline.py",
        'tab\tand "quote"\\.py',
        "größe/日本.py",
        "--output=x.py",
        "b.py ",
    ]
    headers = "+++ b/fake.py\n--- a/fake.py\n@@ -1,9 +1,9 @@\ndiff --git a/x b/x\n\\ No newline\n"
    tricky = f"{headers}\f\r\n\u2028x\n\n\nno end"
    repository.commit({name: f"{tricky} {number}" for number, name in enumerate(names)})
    repository.commit({names[0]: f"first\n{tricky} 0\nlast\n"})
    history = read_repository(repository.folder)
    found = dict(added(history))
    assert set(found) == set(names)
    assert found[names[1]] == f"{tricky} 1".split("\n")
    assert_lines_stand_where_they_are_said_to(history)


def test_settings_of_the_person_change_nothing(repository: Repository, tmp_path: Path) -> None:
    repository.commit({"a.py": PROGRAM})
    repository.commit({"a.py": PROGRAM.replace("7", "8"), ".gitattributes": "*.py diff=own\n"})
    plain = read_repository(repository.folder)
    witness = tmp_path / "a program ran"
    for name, value in {
        "color.ui": "always",
        "diff.noprefix": "true",
        "diff.mnemonicPrefix": "true",
        "diff.external": f"touch '{witness}'",
        "diff.own.textconv": f"touch '{witness}'; cat",
        "diff.own.command": f"touch '{witness}'",
        "diff.orderFile": "missing",
        "diff.algorithm": "patience",
        "diff.suppressBlankEmpty": "true",
        "diff.context": "9",
        "diff.wsErrorHighlight": "all",
        "log.showSignature": "true",
        "gpg.program": "/nonexistent",
        "core.quotePath": "true",
        "core.pager": f"touch '{witness}'",
    }.items():
        repository.git("config", name, value)
    assert read_repository(repository.folder) == plain
    assert not witness.exists()


def test_another_repository_in_the_environment_is_ignored(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit({"a.py": PROGRAM})
    other = Repository(tmp_path / "other")
    other.commit({"other.py": PROGRAM})
    monkeypatch.setenv("GIT_DIR", str(other.folder / ".git"))
    assert [path for path, _ in added(read_repository(repository.folder))] == ["a.py"]


def test_a_bare_repository_and_a_hostile_folder_name_are_read_alike(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit({"a.py": PROGRAM})
    monkeypatch.chdir(tmp_path)
    repository.git("clone", "--quiet", "--bare", ".", str(tmp_path / "--upload-pack=touch x"))
    bare = open_history(Path("--upload-pack=touch x"))
    assert bare.kind == "git"
    assert bare.commits == read_repository(repository.folder).commits
    assert_lines_stand_where_they_are_said_to(bare)


def test_authors_are_pseudonyms_and_time_never_runs_backwards(repository: Repository) -> None:
    repository.minutes = 10
    repository.commit({"a.py": PROGRAM})
    repository.minutes = 0
    repository.commit({"b.py": PROGRAM})
    history = read_repository(repository.folder)
    assert [commit.at for commit in history.commits] == [1_700_000_660.0, 1_700_000_660.0]
    assert len({commit.author for commit in history.commits}) == 1
    assert "example" not in history.commits[0].author


def test_a_shallow_clone_says_so(repository: Repository, tmp_path: Path) -> None:
    repository.commit({"a.py": PROGRAM})
    repository.commit({"b.py": PROGRAM})
    repository.git("clone", "--quiet", "--depth=1", f"file://{repository.folder}", str(tmp_path / "shallow"))
    history = read_repository(tmp_path / "shallow")
    assert len(history.commits) == 1
    assert "shallow" in history.notes[0]


def test_where_head_names_nothing_the_newest_branch_is_read(repository: Repository) -> None:
    repository.commit({"a.py": PROGRAM})
    repository.git("symbolic-ref", "HEAD", "refs/heads/gone")
    assert len(read_repository(repository.folder).commits) == 1


@pytest.fixture(scope="module")
def long_history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three thousand commits of 40 lines, written by fast-import."""
    folder = tmp_path_factory.mktemp("long") / "long"
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", folder], check=True)
    subprocess.run(
        ["git", "fast-import", "--quiet"], cwd=folder, input=b"".join(_imported(3_000)), check=True
    )
    return folder


def _imported(commits: int) -> Iterator[bytes]:
    for number in range(commits):
        text = "".join(f"value_{number}_{line} = compute({line})\n" for line in range(40)).encode()
        yield b"commit refs/heads/main\ncommitter A <a@example.com> %d +0000\n" % (1_700_000_000 + number)
        yield b"data 1\nx\nM 644 inline file_%d.py\ndata %d\n%s\n" % (number % 50, len(text), text)


def test_thousands_of_commits_are_read_in_order(long_history: Path) -> None:
    history = read_repository(long_history)
    assert len(history.commits) == 3_000
    assert "value_0_0 " in learned_text(history.commits[0])
    assert "value_2999_0 " in learned_text(history.commits[-1])


def test_of_too_many_commits_the_newest_are_replayed(long_history: Path) -> None:
    history = read_repository(long_history, commits=100)
    assert history.notes == ("3,000 commits: the newest 100 are replayed",)
    assert history.commits == read_repository(long_history).commits[-100:]


def test_of_too_much_text_the_newest_is_replayed(long_history: Path) -> None:
    history = read_repository(long_history, characters=100_000)
    taken = sum(len(hunk.text) for commit in history.commits for ch in commit.changes for hunk in ch.hunks)
    assert 98_000 < taken <= 100_000
    assert history.notes == (f"3,000 commits: the newest {len(history.commits)} are replayed",)
    assert "value_2999_0 " in learned_text(history.commits[-1])


def test_a_plain_folder_is_no_repository(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="not a git repository"):
        read_repository(tmp_path)
