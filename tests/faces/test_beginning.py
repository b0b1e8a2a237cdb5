"""A product that begins with nothing but an upstream: what is typed wrongly is heard of at once."""

from pathlib import Path

import pytest

from autotroph.errors import InputError
from autotroph.faces.beginning import begun
from faces.commanding import refused

URL = "https://llm.example.com/v1"


@pytest.mark.parametrize(
    ("url", "key", "message"),
    [
        ("llm.example.com/v1", "", "--upstream: expected http:// or https://"),
        ("http://", "", "--upstream: expected http:// or https://"),
        ("http://[::1/v1", "", "--upstream: expected http:// or https://"),
        (
            "http://me:sk-1@llm.example.com/v1",
            "",
            "--upstream: holds a password; use --upstream-key env:NAME",
        ),
        (
            URL + "?key=sk-1",
            "",
            "--upstream: has more behind its path; a key goes in --upstream-key env:NAME",
        ),
        (URL, "sk-1", "--upstream-key: by reference, env:NAME or file:PATH, never the key itself"),
        (URL, "env:NOWHERE", "--upstream-key env:NOWHERE: the environment has no NOWHERE; set it, or"),
    ],
)
def test_what_is_typed_wrongly_is_said_as_it_was_typed(
    url: str, key: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as caught:
        begun(tmp_path / "autotroph.toml", url, "openai", key, {})
    assert message in str(caught.value)
    assert "sk-1" not in str(caught.value)
    assert not (tmp_path / ".autotroph").exists()


def test_the_command_says_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "--upstream: expected http://" in refused("serve", "--upstream", "llm.example.com")
