from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # most tests here want no browser
    from playwright.sync_api import Browser


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in, with nothing in the environment that says otherwise."""
    monkeypatch.chdir(tmp_path)
    for name in ("AUTOTROPH_DATABASE_URL", "AUTOTROPH_HOME"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture(scope="module")
def chromium() -> Iterator["Browser"]:
    """A real browser."""
    import pages

    with pages.chromium() as browser:
        yield browser
