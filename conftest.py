"""The examples in the pages run in a folder of their own, so that they may write files."""

from pathlib import Path

import pytest
from _pytest.doctest import DoctestTextfile


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    if isinstance(request.node.parent, DoctestTextfile):
        monkeypatch.chdir(tmp_path_factory.mktemp(Path(request.node.path).stem))
