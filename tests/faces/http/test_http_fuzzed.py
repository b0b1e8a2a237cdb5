"""Requests made up from our own OpenAPI document: what is documented is what is answered."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import settings
from schemathesis.checks import (
    ignored_auth,
    load_all_checks,
    negative_data_rejection,
    positive_data_acceptance,
)
from schemathesis.pytest.lazy import get_all_tests
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


DOCUMENT = named()
OPERATIONS = [f"{method.upper()} {path}" for path, ways in DOCUMENT["paths"].items() for method in ways]
EACH = pytest.mark.parametrize("operation", OPERATIONS)


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    """One connection as long as it stands, so that each answer has to end where the next one begins."""
    with requests.Session() as session:
        session.trust_env = False  # else the environment is searched for proxies at every request
        session.headers.clear()
        yield session


@schemathesis.serializer(LINES)
def _as_lines(_: object, value: Any) -> bytes:
    return json.dumps(value).encode()


def check(case: schemathesis.Case, client: Client, session: requests.Session) -> None:
    """That an answer is documented, and no fault of ours.

    What is valid by its shape may still be refused for what it says, and in a stream each line is refused for
    itself. Who may do what is another file's test.
    """
    stream = [negative_data_rejection] if case.media_type == LINES else []
    case.call_and_validate(
        base_url=f"http://127.0.0.1:{client.port}",
        headers={"authorization": f"Bearer {client.secrets['all']}"},
        excluded_checks=[positive_data_acceptance, ignored_auth, *stream],
        session=session,
        timeout=30,
    )


@settings(max_examples=QUICK)
def quickly(case: schemathesis.Case, client: Client, session: requests.Session) -> None:
    check(case, client, session)


@settings(max_examples=WHOLE)
def wholly(case: schemathesis.Case, client: Client, session: requests.Session) -> None:
    check(case, client, session)


def ask(
    operation: str, how: Callable[..., None], client: Client, session: requests.Session, *, cover: bool
) -> None:
    """Requests of one operation, made up now: at collection each worker would make up those of all."""
    schema = schemathesis.openapi.from_dict(DOCUMENT).include(name=operation)
    schema.config.phases.coverage.enabled = cover
    load_all_checks()
    (made,) = get_all_tests(schema=schema, test_func=how, settings=None, given_kwargs={})
    _, asked = made.ok()
    asked(client=client, session=session)


@EACH
def test_what_is_documented_is_what_is_answered(
    operation: str, client: Client, session: requests.Session
) -> None:
    ask(operation, quickly, client, session, cover=True)


@pytest.mark.slow
@EACH
def test_ten_thousand_requests_and_no_fault(
    operation: str, client: Client, session: requests.Session
) -> None:
    ask(operation, wholly, client, session, cover=False)
