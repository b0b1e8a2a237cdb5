"""What is installed on every machine: the dependencies and the standard library."""

from itertools import pairwise

from histories import added

from autotroph.demo.history import base_corpus, open_history
from autotroph.demo.installed import read_installed


def test_the_installed_dependencies_are_all_represented() -> None:
    history = open_history(None, seed=1)
    assert {commit.author for commit in history.commits} >= {"click", "numpy", "pygments", "rich", "sqlglot"}
    assert len(history.commits) <= 600
    assert not [path for path, _ in added(history) if "/tests/" in path or "vendored" in path]
    assert history.python_share == 1.0
    order = [(commit.author, commit.changes[0].path) for commit in history.commits]
    assert order == sorted(order)
    times = [commit.at for commit in history.commits]
    assert {later - sooner for sooner, later in pairwise(times)} == {3600.0}


def test_the_same_seed_reads_the_same_files() -> None:
    few = read_installed(seed=1, files=30)
    assert few == read_installed(seed=1, files=30)
    assert few.commits != read_installed(seed=2, files=30).commits


def test_the_base_corpus_is_the_standard_library() -> None:
    texts = list(base_corpus(characters=500_000))
    assert 400_000 < sum(map(len, texts)) <= 500_000
    assert texts == list(base_corpus(characters=500_000))
