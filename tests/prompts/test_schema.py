"""What inputs must be: places and rules are named, values never are, and nothing is fetched."""

import pytest

from autotroph.errors import InputError, SpecError
from autotroph.prompts.schema import Schema, read_schema

FACTS = {
    "type": "object",
    "required": ["question"],
    "additionalProperties": False,
    "properties": {
        "question": {"type": "string", "maxLength": 20},
        "facts": {"type": "array", "items": {"$ref": "#/$defs/fact"}},
        "code": {"type": "string", "pattern": "^(a+)+$"},
    },
    "$defs": {"fact": {"type": "object", "properties": {"n": {"type": "integer"}}}},
}


def test_what_is_as_declared_is_taken():
    schema = Schema(FACTS)
    assert schema.names == {"question", "facts", "code"}
    assert schema.check({"question": "Why?", "facts": [{"n": 1}]}) is None


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({}, 'inputs: "question" is a required property'),
        ({"question": 7}, 'inputs.question: what was sent is not of type "string"'),
        ({"question": "?", "facts": [{"n": 1}, {"n": "hunter2"}]}, "inputs.facts[1].n: what was sent is not"),
        ({"question": "hunter2" * 5}, "inputs.question: what was sent is longer than 20"),
        ({"question": "?", "code": "a" * 4000 + "!"}, "inputs.code: what was sent does not match"),
    ],
)
def test_what_is_not_is_refused_without_saying_what_it_is(inputs, says):
    with pytest.raises(InputError) as told:
        Schema(FACTS).check(inputs)
    assert str(told.value).startswith(says)
    assert "hunter2" not in str(told.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"type": "object",\n', "s.json:2: not JSON"),
        ("[]", "s.json:1: expected a JSON Schema"),
        ("[" * 100_000, "s.json:1: nested too deeply"),
        ('{"properties": {"a": {}}}', "s.json:1: inputs have names"),
        ('{"type": "object", "properties": {}}', "s.json:1: inputs have names"),
        ('{"type": "object", "properties": {"a": {"type": "strin"}}}', "s.json:1: not a JSON Schema"),
        ('{"type": "object", "properties": {"a": {"$ref": "#/$defs/b"}}}', "'/$defs/b' does not exist"),
        ('{"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1/x"}}}', "put it into $defs"),
        ('{"type": "object", "properties": {"a": {"$ref": "file:///etc/passwd"}}}', "put it into $defs"),
        ('{"type": "object", "properties": {"a": {"pattern": "(?=a)"}}}', "s.json:1: not a JSON Schema"),
    ],
)
def test_what_is_no_schema_is_refused(text, says):
    with pytest.raises(SpecError) as told:
        read_schema(text, "s.json")
    assert says in str(told.value)
