"""`autotroph init --from-traffic`: a declaration out of the calls in the ledger beside it."""

from pathlib import Path

import pytest

import autotroph
from autotroph.store import open_store
from faces.commanding import answer, refused, run
from ingest.passing import rows
from ingest.talking import talks


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def ledger() -> Path:
    """Sixty conversations that went through the gateway, which knew of no task."""
    path = Path(".autotroph/ledger.db")
    store = open_store(path)
    for number, talk in enumerate(talks(1, 60)):
        store.append(*rows(number, talk)).durable()
    store.close()
    return path


def test_it_writes_a_declaration_that_opens(ledger):
    shown = run("init", "--from-traffic", "--name", "support", "--upstream", "https://llm.example.com/v1")
    assert shown.exit_code == 0, shown.output
    for word in ("coverage", "baseline", "headroom", "first proof", "autotroph.toml is written"):
        assert word in shown.stdout
    text = Path("autotroph.toml").read_text("utf-8")
    for word in ("# coverage:", "# baseline:", "# days to a first proof:", "https://llm.example.com/v1"):
        assert word in text
    with autotroph.open() as product:
        assert product.spec.product.name == "support"
        assert product.spec.sites.keys() == {"site-0123456789"}
    assert ledger.is_file()


@pytest.mark.usefixtures("ledger")
def test_a_program_gets_the_figures():
    found = answer("init", "other.toml", "--from-traffic")
    (task,) = found["tasks"]
    assert found["path"] == "other.toml"
    assert found["calls"] == task["calls"] + sum(
        1 for talk in talks(1, 60) for one in talk.calls if one.error
    )
    assert task["sites"] == ["site-0123456789"]
    assert 0 < task["coverage"] < 1
    assert task["baseline"]["low"] <= task["baseline"]["mean"] <= task["baseline"]["high"]
    assert task["headroom"] == pytest.approx(1 - task["baseline"]["mean"])
    assert sum(task["signals"].values()) > 10
    assert Path("other.toml").is_file()


def test_what_is_there_stays_and_is_asked_where_its_ledger_is(ledger):
    mine = '[product]\nname = "mine"\nstore = "sqlite:///elsewhere.db"\n'
    ledger.rename("elsewhere.db")
    Path("autotroph.toml").write_text(mine, "utf-8")
    assert "--force overwrites it" in refused("init", "--from-traffic")
    assert Path("autotroph.toml").read_text("utf-8") == mine
    assert run("init", "--from-traffic", "--force").exit_code == 0
    with autotroph.open() as product:
        assert (product.spec.product.name, product.spec.product.store) == ("mine", "sqlite:///elsewhere.db")


def test_without_traffic_it_says_what_to_do():
    assert "error: " in refused("init", "--from-traffic", code=1)
    open_store(Path(".autotroph/ledger.db")).close()
    assert "serve --upstream" in refused("init", "--from-traffic")
    assert not Path("autotroph.toml").exists()


def test_an_upstream_is_for_traffic():
    assert "--from-traffic" in refused("init", "--upstream", "https://llm.example.com/v1")
