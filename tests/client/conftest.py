from collections.abc import Iterator

import pytest
from scripted import Scripted, scripted


@pytest.fixture
def server() -> Iterator[Scripted]:
    with scripted() as server:
        yield server


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUTOTROPH_BASE_URL", raising=False)
    monkeypatch.delenv("AUTOTROPH_API_KEY", raising=False)
