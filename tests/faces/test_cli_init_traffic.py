"""`autotroph init --from-traffic`: a declaration out of the calls in the ledger beside it."""

from pathlib import Path

import pytest

import autotroph
from autotroph.faces.beginning import begun
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


@pytest.mark.parametrize("declared", [False, True])
def test_what_was_passed_on_is_answered_as_before(ledger, declared):
    begun(
        Path("autotroph.toml"),
        "http://127.0.0.1:9/v1",
        "openai",
        "env:THEIR_KEY",
        {"THEIR_KEY": "sk-of-theirs"},
    )
    if declared:  # and passes nothing on
        Path("autotroph.toml").write_text('[product]\nname = "support"\n', "utf-8")
    assert run("init", "--from-traffic", "--force").exit_code == 0
    with autotroph.open() as product:
        spec = product.spec
    assert ledger.is_file()
    assert "not in the ledger" not in Path("autotroph.toml").read_text("utf-8")
    assert len(spec.models) == 2
    assert spec.product.upstream in spec.models
    for model in spec.models.values():
        assert model.base_url == "http://127.0.0.1:9/v1"
        assert model.api_key == "env:THEIR_KEY"
        assert model.calls.private


def test_another_name_is_known_to_the_ledger_that_was_begun(ledger):
    path = begun(Path("autotroph.toml"), "https://llm.example.com/v1", "openai", "", {})
    with autotroph.open(path) as product:
        before = product.spec.product.name
    assert ledger.is_file()
    assert run("init", "--from-traffic", "--name", "support").exit_code == 0
    with autotroph.open() as product:
        assert (product.spec.product.name, product.spec.product.was) == ("support", before)


@pytest.mark.usefixtures("ledger")
def test_what_nobody_said_can_be_reached_once_it_is_written():
    assert run("init", "--from-traffic").exit_code == 0
    with autotroph.open() as product:
        for model in product.spec.models.values():
            assert model.calls.private  # or the address in the example is one that is refused


def test_commands_read_what_serve_began_with():
    path = begun(Path("autotroph.toml"), "https://llm.example.com/v1", "openai", "", {})
    autotroph.open(path).close()
    assert answer("sql", "SELECT count(*) AS n FROM answers")["rows"] == [{"n": 0}]
    assert "no such file" in refused("status", "--config", "autotroph.toml")
    Path("autotroph.toml").write_text('[product]\nname = "other"\nstore = "sqlite:///other.db"\n', "utf-8")
    assert "other.db" in refused("sql", "SELECT 1", code=1)


def test_it_begins_again_in_the_same_folder(tmp_path):
    path = begun(Path("autotroph.toml"), "https://llm.example.com/v1", "openai", "", {})
    assert begun(path, "https://llm.example.com/v2", "openai", "", {}) == path
    assert "v2" in path.read_text("utf-8")
    assert not (tmp_path / ".autotroph" / ".autotroph").exists()
