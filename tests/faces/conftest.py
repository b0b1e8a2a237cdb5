from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in, with nothing in the environment that says otherwise."""
    monkeypatch.chdir(tmp_path)
    for name in ("AUTOTROPH_DATABASE_URL", "AUTOTROPH_HOME"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path
