"""The page about the client: its Python runs against a real server, and it names everything that there is."""

import re
from pathlib import Path

import pytest
from realserver import KEY, Served

import autotroph
from autotroph.client import AsyncClient, Client, Limits, caller
from autotroph.client.saying import Asked, Said

PAGE = Path(__file__).parents[2] / "docs/reference/client.md"
TEXT = PAGE.read_text("utf-8")


def test_its_python_runs(shared: Served, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AUTOTROPH_BASE_URL", shared.url)
    monkeypatch.setenv("AUTOTROPH_API_KEY", KEY)
    names: dict[str, object] = {}
    blocks = re.findall(r"^```py\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    assert len(blocks) == 6
    assert {one.user for one in shared.decisions()} >= {"u42", "u43"}
    assert "ticket 7" in {one.subject for one in shared.signals()}


def test_it_names_everything():
    public = {name for each in (Client, AsyncClient) for name in vars(each) if not name.startswith("_")}
    said = {*Said.__annotations__, *Asked.__annotations__, *caller.Given.__annotations__} - {"clock"}
    for name in public | said | set(Limits.__struct_fields__):
        assert re.search(rf"\b{name}\b", TEXT.split("## How it is built")[0]), (
            f"the page says nothing of {name}"
        )


def test_both_clients_are_the_packages():
    assert (autotroph.Client, autotroph.AsyncClient) == (Client, AsyncClient)
