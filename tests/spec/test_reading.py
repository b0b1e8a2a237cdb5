"""The declaration: what it accepts, and how it refuses."""

import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotroph.errors import SpecError, UnknownName
from autotroph.spec import SKELETON, First, Longest, Spec, Threshold, Uniform, load, parse, template

ROOT = Path(__file__).parents[2]
TRACKS = ("adapt", "policy")

FULL = """\
[product]
name = "support"
store = "postgresql://db/autotroph"
on_store_failure = "refuse"

[models.small]
kind = "openai"
base_url = "http://127.0.0.1:8000/v1"
model = "small-8b"
price = { input = 0.05, output = 0.20 }
[models.large]
kind = "openai"
base_url = "https://llm.example.com/v1"
api_key = "env:LARGE_API_KEY"

[tasks.answer]
kind = "chat"
reward = "helpful"
guardrails = ["slow"]
policy = { kind = "threshold", feature = "log_confidence", at = -0.7, variant = "small" }
baselines = { naive = { kind = "longest", variant = "small" } }
[tasks.answer.variants.small]
model = "small"
prompt = "prompts/answer.md"
parameters = { temperature = 0.2 }
[tasks.answer.variants.careful]
cascade = ["small", "large"]
accept = "confidence >= 0.8"

[tasks.route]
kind = "choice"
unit = "decision"
actions = ["billing", "cards"]
context = { text = "text", plan = "category" }
policy = { kind = "uniform" }

[signals]
accepted = { type = "boolean" }
written  = { type = "text", scores = "any" }
resolved = { type = "boolean", about = "session" }

[rewards.helpful]
value   = "0.75 * accepted - 0.25 * (1 - accepted) - 20 * cost_usd"
range   = [-1.0, 0.75]
horizon = "10m"
silent  = { accepted = "unknown", resolved = false }
[rewards.kept]
value   = "kept(written) / 24"
scores  = "any"

[guardrails.slow]
value  = "latency_ms"
margin = 100
[outcomes.retained]
value = "resolved"

[tracks.words]
kind = "adapt"
task = "answer"
every = 50
budget = { usd = 5, every = "6h" }
parameters = { anything = [1, "two"] }

[gate]
alpha  = 0.1
liars  = 0.01
[ladder]
steps    = [0.25, 1.0]
floor    = "90s"
[season]
thesis = "answers people keep"
"""


def refusal(text: str) -> str:
    with pytest.raises(SpecError) as refused:
        parse(text, tracks=TRACKS)
    return str(refused.value)


def changed(old: str, new: str) -> str:
    assert FULL.count(old) == 1
    return refusal(FULL.replace(old, new))


def test_everything_that_can_be_said_is_read() -> None:
    spec = parse(FULL, tracks=TRACKS)
    answer = spec.task("answer")
    assert answer.policy == Threshold(feature="log_confidence", at=-0.7, variant="small")
    assert answer.baselines == {"naive": Longest(variant="small")}
    assert answer.variants["careful"].cascade == ("small", "large")
    assert spec.task("route").policy == Uniform()
    assert spec.rewards["helpful"].horizon == 600
    assert spec.rewards["helpful"].silent == {"accepted": "unknown", "resolved": False}
    assert spec.tracks["words"].budget.every == 21600
    assert spec.ladder.floor == 90


def test_a_short_file_works_on_defaults() -> None:
    spec = parse('[product]\nname = "short"\n[tasks.write]\nkind = "text"\n')
    assert spec.product.store == "sqlite:///.autotroph/ledger.db"
    assert spec.task("write").unit == "user"
    assert spec.task("write").policy == First()
    assert (spec.gate.alpha, spec.gate.fold, spec.gate.minimum) == (0.05, 0.2, 30)
    assert spec.ladder.steps[-1] == 1.0


def test_the_template_works_as_it_is_and_survives_any_product_name() -> None:
    spec = parse(SKELETON, tracks=TRACKS)
    assert spec.reward_of("route")[0] == "resolved_fast"
    assert parse(template('a "quoted"\nname')).product.name == 'a "quoted"\nname'


def test_every_toml_block_in_the_docs_parses() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    texts = [page.read_text(encoding="utf-8") for page in pages if page.exists()]
    blocks = [block for text in texts for block in re.findall(r"```toml\n(.*?)```", text, re.DOTALL)]
    assert blocks
    for block in blocks:
        parse(block, source="docs")


def test_every_key_is_in_the_reference() -> None:
    page = (ROOT / "docs/reference/autotroph-toml.md").read_text(encoding="utf-8")
    for key in _keys(Spec) - {"source", "files"}:
        assert f"`{key}`" in page or f"[{key}" in page, f"{key} is not in docs/reference/autotroph-toml.md"


def _keys(type_: object) -> set[str]:
    if not isinstance(type_, type):
        return {key for argument in get_args(type_) for key in _keys(argument)}
    if not issubclass(type_, msgspec.Struct):
        return set()
    fields = msgspec.structs.fields(type_)
    return {field.encode_name for field in fields} | {key for field in fields for key in _keys(field.type)}


def test_the_digest_is_of_the_meaning() -> None:
    spec = parse(FULL)
    assert parse("# a comment\n" + FULL, source="elsewhere.toml").digest == spec.digest
    assert parse(FULL.replace("alpha  = 0.1", "alpha  = 0.1\nfold = 0.2")).digest == spec.digest
    assert parse(FULL.replace("alpha  = 0.1", "alpha  = 0.05")).digest != spec.digest
    assert re.fullmatch("[0-9a-f]{64}", spec.digest)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('kind = "chat"', 'kindd = "chat"', "autotroph.toml:17: tasks.answer.kindd: unknown key; known: "),
        (
            'kind = "chat"',
            'kind = "chatt"',
            "tasks.answer.kind: found 'chatt'; known: chat, choice, text. Did",
        ),
        ('kind = "chat"\n', "", "autotroph.toml:16: tasks.answer.kind: missing; expected one of chat, text"),
        (
            "margin = 100",
            'margin = "100"',
            "guardrails.slow.margin: expected a number that is not negative, fou",
        ),
        (
            "alpha  = 0.1",
            "alpha  = 1.5",
            "gate.alpha: expected a share between 0 and 1, both excluded, found 1.5",
        ),
        ("alpha  = 0.1", "alpha  = nan", "gate.alpha: expected a finite number"),
        ("alpha  = 0.1", "alpha  = true", "gate.alpha: expected a share between 0 and 1"),
        ("margin = 100", "margin = 2e999", "guardrails.slow.margin: expected a finite number"),
        ("every = 50", f"every = 1{'0' * 400}", "tracks.words.every: expected a finite number"),
        ("every = 50", "every = 2020-01-01", "tracks.words.every: expected no date"),
        (
            "usd = 5",
            "usd = -5",
            "autotroph.toml:61: tracks.words.budget.usd: expected a number that is not neg",
        ),
        (
            "[0.25, 1.0]",
            "[0.5, 0.25, 1.0]",
            "ladder.steps: expected ascending shares, found [0.5, 0.25, 1.0]",
        ),
        ("[0.25, 1.0]", "[0.25, 0.5]", "ladder.steps: the last step is 1.0"),
        ("[0.25, 1.0]", "[]", "ladder.steps: the last step is 1.0"),
        ("[0.25, 1.0]", "[1.0]", "ladder.steps: a share below 1.0 comes first"),
        ("[0.25, 1.0]", "[0.25, 1.5]", "ladder.steps: expected a list, each of it a share above 0"),
        ('"90s"', '"90 seconds"', 'ladder.floor: expected a duration such as "24h", "10m" or "90s"'),
        ('"90s"', "90", 'ladder.floor: expected a duration such as "24h", "10m" or "90s"'),
        (
            'reward = "helpful"',
            'reward = "helpfull"',
            "no reward named 'helpfull'; known: helpful, kept. Did you",
        ),
        (
            '["slow"]',
            '["slw"]',
            "tasks.answer.guardrails: no guardrail named 'slw'; known: slow. Did you mean",
        ),
        ('model = "small"\n', 'model = "smal"\n', "no model named 'smal'; known: large, small. Did you mean"),
        (
            '"small", "large"]',
            '"small", "huge"]',
            "variants.careful.cascade: no model or variant named 'huge'",
        ),
        (
            '"confidence >= 0.8"',
            '"sure >= 0.8"',
            "careful.accept: no signal or column named 'sure'; known: ch",
        ),
        ('cascade = ["small", "large"]', "", "tasks.answer.variants.careful: either model"),
        (
            'accept = "confidence >= 0.8"',
            "",
            "tasks.answer.variants.careful: a cascade stops where its answer is good enough",
        ),
        (
            '"longest", variant = "small"',
            '"longest", variant = "x"',
            "baselines.naive.variant: no variant named",
        ),
        (
            '"threshold"',
            '"treshold"',
            "tasks.answer.policy.kind: found 'treshold'; known: first, longest, thre",
        ),
        ("at = -0.7, ", "", "tasks.answer.policy.at: missing; expected a number"),
        (
            '{ kind = "uniform" }',
            '{ kind = "longest", variant = "loans" }',
            "no action named 'loans'; known: bill",
        ),
        ('{ kind = "uniform" }', '"uniform"', "tasks.route.policy: expected a table such as"),
        ('["billing", "cards"]', '["billing", "billing"]', "tasks.route.actions: each action once"),
        (
            '"0.75 * accepted',
            '"0.75 * acepted',
            "rewards.helpful.value: no signal or column named 'acepted'; kn",
        ),
        ("[-1.0, 0.75]", "[0.75, -1.0]", "rewards.helpful.range: expected the lower bound first"),
        ("[-1.0, 0.75]", "[0.75]", "rewards.helpful.range: expected a list of 2: a number, a number"),
        (
            'accepted = "unknown"',
            "acepted = 0",
            "silent.acepted: no signal named 'acepted'; known: accepted, re",
        ),
        (
            "resolved = false }",
            'resolved = "no" }',
            'silent.resolved: expected "unknown" or true or false, fou',
        ),
        (
            'text", scores = "any"',
            'text"',
            "rewards.kept.scores: written is about the answer that was served, so",
        ),
        ('"10m"', '"0s"', "rewards.helpful.horizon: no signal can come within a horizon of 0"),
        ("written  = {", '"wri-tten"  = {', "signals.wri-tten: expressions name signals"),
        ("written  = {", "chars  = {", "signals.chars: the answer has a column of this name"),
        (
            'task = "answer"',
            'task = "anser"',
            "tracks.words.task: no task named 'anser'; known: answer, route. Di",
        ),
        ('task = "answer"', 'task = "route"', "tracks.words.task: tasks.route has no reward"),
        (
            'kind = "adapt"',
            'kind = "adopt"',
            "tracks.words.kind: no track named 'adopt'; known: adapt, policy. Di",
        ),
        (
            'base_url = "http://127.0.0.1:8000/v1"\n',
            "",
            "autotroph.toml:6: models.small.base_url: missing; where",
        ),
        ('"postgresql://db/', '"postgresql://me:secret@db/', "product.store: holds a password"),
        ('"support"', '" "', "autotroph.toml:2: product.name: empty"),
        ("[season]", "[seasons]", "autotroph.toml:70: seasons: unknown key; known: "),
    ],
)
def test_a_fault_names_its_key_the_choices_and_the_way_out(old: str, new: str, message: str) -> None:
    answer = changed(old, new)
    assert answer.startswith("autotroph.toml:")
    assert message in answer


def test_a_literal_secret_is_refused_and_not_repeated() -> None:
    answer = changed('"env:LARGE_API_KEY"', '"sk-very-secret"')
    assert answer.startswith("autotroph.toml:14: models.large.api_key: secrets only by reference")
    assert "very-secret" not in answer


def test_of_several_faults_the_first_is_told() -> None:
    wrong = FULL.replace("alpha  = 0.1", "alpha  = 9").replace('kind = "chat"', "kind = 1")
    assert refusal(wrong).startswith("autotroph.toml:17: tasks.answer.kind")


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("", "autotroph.toml:1: product: missing"),
        ('a = 1\nb = "', "autotroph.toml:2: not TOML: "),
        ("a = 1\na = 2\n", "autotroph.toml:2: not TOML: "),
        ("a = " + "[" * 5000, "autotroph.toml:1: "),
        ('x = "\udc80"', "autotroph.toml:1: not TOML: "),
        ('product = "x"', "autotroph.toml:1: product: expected a table, found a text"),
    ],
)
def test_what_is_not_toml_is_refused_with_its_line(text: str, start: str) -> None:
    assert refusal(text).startswith(start)


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no such file; `autotroph init` writes one"):
        load(tmp_path / "autotroph.toml")
    with pytest.raises(SpecError, match="cannot be read"):
        load(tmp_path)
    with pytest.raises(SpecError, match="cannot be read"):
        load("a\0b")
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b'[product]\nname = "caf\xe9"')
    with pytest.raises(SpecError, match=r"latin\.toml:2: not UTF-8"):
        load(latin)


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "autotroph.toml"
    path.write_bytes(b'\xef\xbb\xbf[product]\r\nname = "x"\r\n')
    assert load(path).source == str(path)


def test_unknown_tasks_and_tasks_without_reward_are_answered() -> None:
    spec = parse(FULL)
    with pytest.raises(UnknownName, match="no task named 'rout'; known: answer, route"):
        spec.task("rout")
    with pytest.raises(SpecError, match="declares no reward"):
        spec.reward_of("route")


TOKENS = re.findall(r"\w+|\s+|[^\w\s]", FULL)
NOISE = st.sampled_from(
    [
        *set(TOKENS),
        "nan",
        "inf",
        "-1",
        "1e400",
        "9" * 30,
        "true",
        "[]",
        "{}",
        '"',
        "'''",
        '""',
        "2020-01-01",
        "\0",
    ]
)


@given(
    st.lists(st.tuples(st.integers(0, len(TOKENS) - 1), NOISE | st.text(max_size=5)), min_size=1, max_size=4)
)
def test_any_mutation_is_read_or_refused_with_a_place(edits: list[tuple[int, str]]) -> None:
    tokens = list(TOKENS)
    for index, token in edits:
        tokens[index] = token
    outcome = read_or_refused("".join(tokens))
    assert re.match(r"autotroph\.toml:\d+: |[0-9a-f]{64}$", outcome)


def read_or_refused(text: str) -> str:
    try:
        return parse(text, tracks=TRACKS).digest
    except SpecError as error:
        return str(error)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("[privacy.patterns]\nt = '('", "privacy.patterns.t: not a regular expression"),
        ("[privacy.patterns]\nt = '(?=a)b'", "lookaround"),
        ("[privacy.patterns]\nt = 'a*'", "fits an empty text"),
        ('[privacy]\nretention = "shrot"\n[retention]\nclasses = { short = "30d" }', "Did you mean 'short'"),
        ('[privacy]\npurposes = [""]', "a purpose has a name"),
        ('[privacy]\nredact = ["crad"]', "one of card, iban, email, phone, key"),
        ('[retention]\nlargest = "20 GiB"', 'a size such as "20GB"'),
        (
            '[signals]\nok = { type = "boolean" }\n[rewards.r]\nvalue = "ok"\nhorizon = "2d"\n'
            '[retention]\nclasses = { short = "1d" }',
            "shorter than the longest horizon",
        ),
    ],
)
def test_privacy_and_retention_are_checked_before_anything_runs(more: str, said: str) -> None:
    with pytest.raises(SpecError) as raised:
        parse(f'[product]\nname = "p"\n{more}')
    assert said in str(raised.value)
