"""Whatever else OpenAI's client can ask for goes to the upstream as it came."""

from collections.abc import Iterator

import openai
import pytest
from officially import TOML, Gateway, Scripted, Told, gateway


@pytest.fixture(scope="module")
def upstream() -> Iterator[Scripted]:
    with Scripted() as found:
        yield found


@pytest.fixture(scope="module")
def served(upstream: Scripted, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with gateway(tmp_path_factory.mktemp("passing"), TOML.format(url=upstream.url)) as found:
        yield found


def test_what_names_a_model_is_recorded(served: Gateway, upstream: Scripted) -> None:
    said = {"id": "modr_1", "model": "guard", "results": [{"flagged": True, "categories": {}}]}
    upstream.answer = lambda _: Told(said)
    found = served.client.moderations.create(model="guard", input="…")
    assert (found.id, found.results[0].flagged) == ("modr_1", True)
    assert upstream.last.path == "/v1/moderations"
    (made,) = [one for one in served.decisions() if one.option == "guard"]
    assert (made.provenance, made.inputs["request"]["path"]) == ("import", "/moderations")


def test_what_names_none_is_passed_on(served: Gateway, upstream: Scripted) -> None:
    before = len(served.decisions())
    upstream.answer = lambda _: Told({"object": "list", "data": [{"id": "file_1"}], "has_more": False})
    assert [one.id for one in served.client.files.list(limit=7)] == ["file_1"]
    assert upstream.last.path == "/v1/files?limit=7"
    assert len(served.decisions()) == before


def test_what_the_upstream_has_not_is_its_own_error(served: Gateway, upstream: Scripted) -> None:
    upstream.answer = lambda _: Told({"error": {"message": "no such file"}}, 404)
    with pytest.raises(openai.NotFoundError, match="no such file"):
        served.client.files.retrieve("file_9")


def test_a_product_without_an_upstream_passes_nothing_on(tmp_path, upstream: Scripted) -> None:
    alone = TOML.format(url=upstream.url).replace('upstream = "', 'was = "')
    with gateway(tmp_path, alone) as found, pytest.raises(openai.NotFoundError, match="nothing at this path"):
        found.client.files.retrieve("file_9")


def test_its_key_is_needed_and_goes_no_further(served: Gateway, upstream: Scripted) -> None:
    asked = len(upstream.asked)
    stranger = served.client.with_options(api_key="wrong")
    with pytest.raises(openai.AuthenticationError):
        stranger.files.retrieve("file_9")
    assert len(upstream.asked) == asked
    upstream.answer = lambda _: Told({"id": "file_9"})
    served.client.files.retrieve("file_9")
    assert served.client.api_key not in str(dict(upstream.last.headers))
