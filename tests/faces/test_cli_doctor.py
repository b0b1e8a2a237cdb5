"""`autotroph doctor`, as one types it."""

from pathlib import Path

import apsw
from commanding import answer, refused, run
from products import opened, use, used

from autotroph.clock import SystemClock

LEDGER = Path(".autotroph/ledger.db")


def damage(*, from_page: int) -> None:
    body = bytearray(LEDGER.read_bytes())
    for at in range(from_page * 4096, len(body), 4096):
        body[at : at + 64] = b"\xff" * 64
    LEDGER.write_bytes(bytes(body))


def test_a_product_in_use(here: Path) -> None:
    used(here)
    result = run("doctor")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].startswith("! ")
    assert lines[1].strip().startswith("→ ")
    assert lines[-1].startswith("✓ fine: file, chain, steps, ")
    found = answer("doctor")
    assert found["whole"]
    assert {one["grade"] for one in found["findings"]} == {"look", "fine"}


def test_days_of_standing_still_may_be_named(here: Path) -> None:
    used(here)
    assert not any("nothing was promoted" in one["what"] for one in answer("doctor")["findings"])
    with opened(here, at=SystemClock("").now()) as product:  # the doctor's clock is the machine's
        product.decide("route", {"text": "hello"}, user="u1", key="now")
    found = answer("doctor", "--static-days", "100")["findings"]
    assert any("nothing was promoted for" in one["what"] for one in found)
    assert run("doctor", "--static-days", "0").exit_code == 2


def test_while_another_writes(here: Path) -> None:
    with opened(here) as product:
        use(product, range(10))
        product.store.append().durable()
        assert answer("doctor")["whole"]


def test_before_the_first_decision() -> None:
    run("init")
    found = answer("doctor")
    assert [one["subject"] for one in found["findings"]] == ["ledger"]
    assert found["whole"]
    assert not LEDGER.exists()


def test_a_ledger_that_was_tampered_with(here: Path) -> None:
    used(here)
    connection = apsw.Connection(str(LEDGER))
    connection.execute("DROP TRIGGER verdicts_keep; UPDATE verdicts SET reason = 'splendid'")
    connection.close()
    result = run("doctor")
    assert result.exit_code == 1
    assert result.stdout.startswith("✗ chain")
    assert "autotroph restore" in result.stdout


def test_damaged_pages_and_a_file_that_does_not_open(here: Path) -> None:
    used(here)
    damage(from_page=LEDGER.stat().st_size // 4096 * 2 // 3)
    found = answer("doctor", code=1)
    assert not found["whole"]
    assert any(one["grade"] == "broken" for one in found["findings"])
    LEDGER.write_bytes(b"x" * 5000)
    (one,) = answer("doctor", code=1)["findings"]
    assert "this is not a database" in one["what"]


def test_a_declaration_that_is_wrong_is_said(here: Path) -> None:
    used(here)
    path = Path("autotroph.toml")
    path.write_text(path.read_text().replace('reward = "resolved_fast"', 'reward = "resolved_fsat"'))
    assert "resolved_fsat" in refused("doctor")
