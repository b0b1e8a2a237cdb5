"""A guardrail that cannot be computed refuses: nobody meets a candidate that it should have vetoed."""

from pathlib import Path

import autotroph
from autotroph.clock import ReplayClock
from autotroph.observe.health import health
from autotroph.records import Verdict
from autotroph.spec import First, template

GUARDED = """
[guardrails.slow]
value = "latency_ms"
margin = 100
"""


def test_a_declared_guardrail_fails_closed_and_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "autotroph.toml"
    text = template("guarded").replace(
        'reward = "resolved_fast"', 'reward = "resolved_fast"\nguardrails = ["slow"]'
    )
    path.write_text(text + GUARDED, encoding="utf-8")
    clock = ReplayClock("guarded", at=1_000.0)
    with autotroph.open(path, clock=clock) as product:
        for number in range(300):
            product.decide("route", {"text": "hello"}, user=f"u{number}")
        product.propose("route", "billing", policy=First())
        clock.advance(clock.now() + 3 * 86_400)
        product.cycle()
        product.cycle()
        verdicts = list(product.store.scan(Verdict, judge="gate", finding="refused"))
        assert verdicts
        assert "fails closed" in verdicts[0].reason
        needs = [one.what for one in health(product.store, product.spec).needs]
    assert any("guardrails (slow)" in what for what in needs)
