from collections.abc import Iterator
from pathlib import Path

import pytest
from chatting import gate
from realserver import KEY, Served
from scripted import Scripted, scripted

from autotroph.testing.flaky import Flaky
from flaky_upstream import flaky


@pytest.fixture
def server() -> Iterator[Scripted]:
    with scripted() as server:
        yield server


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUTOTROPH_BASE_URL", raising=False)
    monkeypatch.delenv("AUTOTROPH_API_KEY", raising=False)


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Served:
    """A product whose server is started and killed as a test likes."""
    monkeypatch.setenv("AUTOTROPH_API_KEY", KEY)
    found = Served(tmp_path)
    monkeypatch.setenv("AUTOTROPH_BASE_URL", found.url)
    return found


@pytest.fixture(scope="package")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A running server, for the tests that leave it alone."""
    found = Served(tmp_path_factory.mktemp("shared"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTOTROPH_API_KEY", KEY)
        with found.running():
            yield found


@pytest.fixture(scope="package")
def _behind() -> Iterator[Flaky]:
    with flaky() as found:
        yield found


@pytest.fixture(scope="package")
def gated(_behind: Flaky, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A running gateway, for the tests that leave it alone."""
    found = gate(tmp_path_factory.mktemp("gated"), _behind.url)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTOTROPH_API_KEY", KEY)
        with found.running():
            yield found


@pytest.fixture
def behind(_behind: Flaky) -> Iterator[Flaky]:
    """The upstream of a gateway; what fails of it fails for one test."""
    yield _behind
    _behind.always, _behind.pause = None, 0.0
    _behind.faults.clear()


@pytest.fixture
def mortal(behind: Flaky, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Served:
    """A gateway that is started and killed as a test likes."""
    monkeypatch.setenv("AUTOTROPH_API_KEY", KEY)
    return gate(tmp_path, behind.url)
