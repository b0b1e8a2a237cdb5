"""1,319 questions through `autotroph serve`: what `autotroph sql` says of them is what the file says."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import openai
import pytest
from aiohttp import ClientSession

from autotroph.testing.recorded import Manner, Price, Recorded, read
from questions_world import FILE, LARGE, NEEDS_FILE, PRICES, SMALL, outcomes, prompts

pytestmark = [NEEDS_FILE, pytest.mark.slow]
CONNECTIONS = 16
TOKEN = "a-token-for-tests-0123456789"
COMMAND = [sys.executable, "-c", "from autotroph.faces.cli import main; main()"]
VARIANTS = {"small": SMALL, "large": LARGE}
MODEL = """
[models.{name}]
kind = "openai"
base_url = "{url}"
model = "{model}"
price = {{ input = {sent}, output = {answered} }}
calls = {{ private = true }}
"""
TASK = """
[product]
name = "school"
[tasks.solve]
kind = "chat"
unit = "decision"
reward = "solved"
variants = { small = { model = "small" }, large = { model = "large" } }
[signals]
right = { type = "boolean" }
[rewards.solved]
value = "right"
horizon = "1h"
"""
FOUND = """
SELECT a.option, count(*) AS questions, sum(s.value) AS correct, avg(s.value) AS accuracy,
       sum(a.tokens_in) AS sent, sum(a.tokens_out) AS answered, sum(a.cost_usd) AS dollars,
       count(DISTINCT a.output) > 1000 AS kept
FROM answers AS a JOIN signals_by_decision AS s ON s.decision = a.decision AND s.name = 'right'
WHERE a.task = 'solve' AND a.error = '' GROUP BY a.option
"""


def test_what_sql_says_is_what_the_file_says(tmp_path: Path) -> None:
    prices = {model: Price(*map(float, each)) for model, each in PRICES.items()}
    with Recorded(read(FILE), Manner(prices=prices)) as upstream:
        with served(tmp_path, upstream.url) as url:
            asyncio.run(_ask_all(url, upstream))
        assert dict(upstream.asked) == {SMALL: 1319, LARGE: 1319}
    found = {row["option"]: row for row in _sql(tmp_path, FOUND)}
    for option, model in VARIANTS.items():
        direct, row = outcomes(lambda _, model=model: model)[model], found[option]  # type: ignore[misc]
        assert (row["questions"], row["correct"], row["sent"], row["answered"]) == direct[:4]
        assert row["accuracy"] == direct.accuracy
        assert round(Decimal(row["dollars"]), 9) == direct.dollars
        assert row["kept"]
    assert (found["small"]["correct"], found["large"]["correct"]) == (842, 1130)
    assert [f"{found[option]['dollars']:.6f}" for option in VARIANTS] == ["0.107628", "4.950740"]


@contextmanager
def served(folder: Path, url: str) -> Iterator[str]:
    """`autotroph serve` in a process of its own, in front of the recorded models."""
    models = "".join(
        MODEL.format(name=name, url=url, model=model, sent=PRICES[model][0], answered=PRICES[model][1])
        for name, model in VARIANTS.items()
    )
    (folder / "autotroph.toml").write_text(TASK + models, "utf-8")
    line = [*COMMAND, "serve", "--port", "0", "--cycle-every", "never", "--json"]
    environment = {**os.environ, "AUTOTROPH_API_KEY": TOKEN}
    process = subprocess.Popen(line, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"]
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()


async def _ask_all(url: str, upstream: Recorded) -> None:
    """Ask both models everything, and say whether they were right."""
    waiting = [(prompt, option) for prompt in prompts() for option in VARIANTS]
    client = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=TOKEN, max_retries=0)

    async def goes_on(session: ClientSession) -> None:
        while waiting:
            prompt, option = waiting.pop()
            answer = await client.chat.completions.create(
                model=f"solve::{option}", messages=[{"role": "user", "content": prompt}]
            )
            assert answer.choices[0].message.content == upstream.text(VARIANTS[option], prompt)
            right = upstream.right(VARIANTS[option], prompt)
            await _say(session, url, {"subject": answer.id, "name": "right", "value": right})

    async with client, ClientSession(headers={"authorization": f"Bearer {TOKEN}"}) as session:
        await asyncio.gather(*(goes_on(session) for _ in range(CONNECTIONS)))


async def _say(session: ClientSession, url: str, signal: Mapping[str, Any]) -> None:
    async with session.post(f"{url}/v1/signals", json=signal) as answer:
        assert (await answer.json())["status"] == "stored"


def _sql(folder: Path, query: str) -> list[dict[str, Any]]:
    line = [*COMMAND, "sql", query, "--json"]
    found = subprocess.run(line, cwd=folder, check=True, capture_output=True, text=True).stdout
    told: list[dict[str, Any]] = json.loads(found)["rows"]
    return told
