from collections.abc import Iterator

import pytest
from servers import Client, served


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A server that the tests of a file share."""
    with served(tmp_path_factory.mktemp("served")) as client:
        yield client
