"""What a call may take at most is never less than what it takes, whatever its caller says."""

from typing import Any

import pytest

from autotroph.deploy.upstreams.bounds import at_most
from autotroph.wire.said import CHAT, EMBEDDINGS, RESPONSES, TEXT


@pytest.mark.parametrize(
    ("path", "document", "answered"),
    [
        (CHAT, {"max_tokens": 5}, 5),
        (CHAT, {"max_tokens": 5, "max_completion_tokens": 9}, 9),
        (CHAT, {"max_tokens": 5, "n": 3}, 15),
        (CHAT, {"max_tokens": 5, "n": 0}, 5),
        (CHAT, {"max_tokens": 5, "n": None, "max_completion_tokens": None}, 5),
        (TEXT, {"max_tokens": 5, "n": 2, "best_of": 20}, 100),
        (TEXT, {"max_tokens": 5, "n": 2, "prompt": ["a", "b", "c"]}, 30),
        (TEXT, {"max_tokens": 5, "prompt": [[1, 2], [3]]}, 10),
        (TEXT, {"max_tokens": 5, "prompt": [1, 2, 3]}, 5),
        (TEXT, {"max_tokens": 5, "prompt": []}, 5),
        (RESPONSES, {"max_output_tokens": 5}, 5),
        (EMBEDDINGS, {"input": "lost"}, 0),
        # what nobody knows
        (CHAT, {}, None),
        (CHAT, {"max_output_tokens": 5}, None),
        (RESPONSES, {"max_tokens": 5}, None),
        (CHAT, {"max_tokens": -1}, None),
        (CHAT, {"max_tokens": 5, "max_completion_tokens": -1}, None),
        (CHAT, {"max_tokens": 5.0}, None),
        (CHAT, {"max_tokens": True}, None),
        (CHAT, {"max_tokens": "5"}, None),
        (CHAT, {"max_tokens": 5, "n": -3}, None),
        (CHAT, {"max_tokens": 5, "n": 2.0}, None),
        (CHAT, {"max_tokens": 5, "n": "2"}, None),
        (CHAT, {"max_tokens": 5, "n": True}, None),
        ("/moderations", {"max_tokens": 5}, None),
    ],
)
def test_tokens_of_the_answer(path: str, document: dict[str, Any], answered: int | None) -> None:
    asked, found = at_most(path, document)
    assert found == answered
    assert asked >= sum(map(len, document))
