"""What a declaration says of those who answer outside is refused where it cannot be meant."""

import pytest

from autotroph.errors import SpecError
from autotroph.spec import parse

TEXT = """\
[product]
name = "support"
upstream = "small"

[models.small]
kind = "openai"
base_url = "http://127.0.0.1:8000/v1"
price = { input = 0.15, output = 0.60 }

[models.large]
kind = "openai"
base_url = "https://llm.example.com/v1"

[tasks.answer]
kind = "chat"

[tasks.answer.variants]
quick = { model = "small", parameters = { temperature = 0.2 }, fallback = ["large"] }
both = { cascade = ["quick", "large"], accept = "confidence > 0.9" }
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        *[
            ('"http://127.0.0.1:8000/v1"', f'"{url}"', "7: models.small.base_url: expected http:// or https://")
            for url in (
                *("nonsense", "llm.example.com/v1", "http://", "ftp://llm.example.com/v1", "http://x y/v1"),
                *("http://127.0.0.1:99999/v1", "http://[::1/v1", "http://h:0/v1", "http://a..b/v1"),
            )
        ],
        ("127.0.0.1:8000", "me:sk-1@127.0.0.1:8000", "models.small.base_url: holds a password"),
        ("8000/v1", "8000/v1?key=sk-1", "models.small.base_url: has more behind its path"),
        ("input = 0.15", "input = 1e300", "price.input: USD per million tokens; at most 1,000,000"),
        ('fallback = ["large"]', 'fallback = ["quick"]', "variants.quick.fallback: it has failed already"),
        ('["quick", "large"]', '["quick"]', "variants.both.cascade: asks two or more"),
        (
            'accept = "confidence > 0.9"',
            'accept = "confidence > 0.9", parameters = { top_p = 1 }',
            "variants.both.parameters: a cascade asks its variants with theirs",
        ),
        *[
            ("temperature = 0.2", f"{said}", f"variants.quick.parameters.{said.split()[0]}: no parameter")
            for said in ('model = "x"', "messages = []", "stream = true", 'input = "x"')
        ],
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(old: str, new: str, message: str) -> None:
    assert parse(TEXT).models
    assert old in TEXT
    with pytest.raises(SpecError) as caught:
        parse(TEXT.replace(old, new))
    assert message in str(caught.value)
    assert "sk-1" not in str(caught.value)


def test_an_address_may_be_in_any_script_and_of_any_version() -> None:
    for url in ("http://[::1]:8000/v1", "https://bücher.example/v1", "http://llm", "https://h/a%20b/"):
        assert parse(TEXT.replace("https://llm.example.com/v1", url)).models["large"].base_url == url
