"""Requests made up from our own OpenAPI document: what is documented is what is answered."""

import json
from typing import Any

import pytest
import schemathesis
from hypothesis import settings
from schemathesis.checks import ignored_auth, negative_data_rejection, positive_data_acceptance
from servers import Client

from autotroph.faces.http.openapi import LINES, document
from autotroph.faces.http.routes import ROUTES

QUICK, WHOLE = 14, 770
"""Requests a route, beyond those that cover its schema; three routes have nothing to vary."""


def named() -> dict[str, Any]:
    """Our document with the names that the product declares and one way to show a key, so that more gets in.

    A key made up for the other way, beside ours, is refused at the door: little would get further.
    """
    found = document(ROUTES)
    del found["components"]["securitySchemes"]["key"]
    for ways in found["paths"].values():
        for said in ways.values():
            said["security"] = [one for one in said["security"] if "key" not in one]
    decide = found["paths"]["/v1/tasks/{task}/decisions"]["post"]
    decide["parameters"][0]["schema"] = {"enum": ["route"]}
    fields = {
        ("SignalIn", "name"): ["resolved", "edited", "minutes"],
        ("DecisionIn", "task"): ["route"],
        ("DecisionIn", "option"): ["", "cards", "fraud"],
    }
    for (shape, field), known in fields.items():
        found["components"]["schemas"][shape]["properties"][field] = {"enum": known}
    return found


schema = schemathesis.openapi.from_dict(named())
drawn = schemathesis.openapi.from_dict(named())
drawn.config.phases.coverage.enabled = False  # the quick one covers; it costs seconds at import


@schemathesis.serializer(LINES)
def _as_lines(_: object, value: Any) -> bytes:
    return json.dumps(value).encode()


def check(case: schemathesis.Case, client: Client) -> None:
    """That an answer is documented, and no fault of ours.

    What is valid by its shape may still be refused for what it says, and in a stream each line is refused for
    itself. Who may do what is another file's test.
    """
    stream = [negative_data_rejection] if case.media_type == LINES else []
    case.call_and_validate(
        base_url=f"http://127.0.0.1:{client.port}",
        headers={"authorization": f"Bearer {client.secrets['all']}"},
        excluded_checks=[positive_data_acceptance, ignored_auth, *stream],
        timeout=30,
    )


@schema.parametrize()
@settings(max_examples=QUICK)
def test_what_is_documented_is_what_is_answered(case: schemathesis.Case, client: Client) -> None:
    check(case, client)


@pytest.mark.slow
@drawn.parametrize()
@settings(max_examples=WHOLE)
def test_ten_thousand_requests_and_no_fault(case: schemathesis.Case, client: Client) -> None:
    check(case, client)
