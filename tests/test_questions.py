"""1,319 questions straight to the recorded upstream: right, tokens and cost as computed from the file."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal

import msgspec
import pytest
from aiohttp import ClientSession

from autotroph.testing.recorded import Manner, Price, Recorded, read
from questions_world import FILE, LARGE, MODELS, NEEDS_FILE, PRICES, SMALL, outcomes, prompts, rows

pytestmark = NEEDS_FILE
CONNECTIONS = 8


def test_what_the_file_says() -> None:
    small, large = outcomes(lambda _: SMALL)[SMALL], outcomes(lambda _: LARGE)[LARGE]
    assert (small.questions, small.right, large.questions, large.right) == (1319, 842, 1319, 1130)
    assert small.sent == large.sent
    assert (small.dollars, large.dollars) == (Decimal("0.107628"), Decimal("4.95074"))


def test_every_question_is_found_within_a_template() -> None:
    transcript = read(FILE)
    for row in rows():
        found = transcript.answer(LARGE, f"Think step by step.\n\nQuestion: {row['prompt']}\nAnswer:")
        assert (found.text, str(found.right)) == (row[f"{LARGE}_response"], row[LARGE])


def test_every_question_comes_to_what_the_file_says() -> None:
    prices = {model: Price(*map(float, each)) for model, each in PRICES.items()}
    chosen = {prompt: MODELS[number % 2] for number, prompt in enumerate(prompts())}
    with Recorded(read(FILE), Manner(prices=prices)) as upstream:
        usages = asyncio.run(_asked(upstream.url, chosen))
        right = Counter(model for prompt, model in chosen.items() if upstream.right(model, prompt))
        asked = upstream.asked
        found = {
            model: [usage for prompt, usage in usages.items() if chosen[prompt] == model] for model in MODELS
        }
        for model, direct in outcomes(chosen.__getitem__).items():
            sent, answered = (sum(usage[which] for usage in found[model]) for which in (0, 1))
            assert (asked[model], right[model], sent, answered) == direct[:4]
            assert upstream.cost(model, sent, answered) == pytest.approx(float(direct.dollars), rel=1e-12)


async def _asked(url: str, chosen: Mapping[str, str]) -> Mapping[str, tuple[int, int]]:
    """Tokens sent and answered for each prompt."""
    waiting, found = list(chosen.items()), dict[str, tuple[int, int]]()

    async def goes_on(session: ClientSession) -> None:
        while waiting:
            prompt, model = waiting.pop()
            body = msgspec.json.encode({"model": model, "messages": [{"role": "user", "content": prompt}]})
            async with session.post(f"{url}/chat/completions", data=body) as answer:
                usage = msgspec.json.decode(await answer.read())["usage"]
            found[prompt] = (usage["prompt_tokens"], usage["completion_tokens"])

    async with ClientSession() as session:
        await asyncio.gather(*(goes_on(session) for _ in range(CONNECTIONS)))
    return found
