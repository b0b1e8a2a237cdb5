"""What is declared of call sites."""

import pytest

from autotroph.errors import SpecError
from autotroph.spec import parse

TOML = """
[product]
name = "post"
[models.small]
kind = "local"
[tasks.reply]
kind = "chat"
sites = ["site-0123456789", "site-abcdef0123"]
[tasks.reply.variants.small]
model = "small"
[tasks.title]
kind = "text"
sites = ["site-9999999999"]
[tasks.title.variants.small]
model = "small"
"""


def test_a_site_leads_to_its_task():
    spec = parse(TOML)
    assert spec.sites == {"site-0123456789": "reply", "site-abcdef0123": "reply", "site-9999999999": "title"}


def test_where_there_are_namespaces_the_task_itself_has_the_sites():
    spec = parse(TOML.replace('kind = "chat"\n', 'kind = "chat"\nnamespaces = ["acme"]\n'))
    assert spec.sites["site-0123456789"] == "reply"
    assert "reply@acme" in spec.tasks


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("site-9999999999", "site-0123456789", "is a call site of tasks.reply"),
        ("site-abcdef0123", "site-0123456789", "is a call site of tasks.reply"),
        ("site-9999999999", "title", "expected names such as"),
        ('kind = "text"\n', 'kind = "choice"\n', "answered in words"),
    ],
)
def test_what_is_wrong_with_sites_is_said(before, after, says):
    with pytest.raises(SpecError, match=says):
        parse(TOML.replace(before, after))
