"""Made-up conversations as rows of the ledger, as the gateway writes what it passes on."""

from collections.abc import Iterator

from msgspec.structs import replace

from autotroph.records import Completion, Decision, Record
from ingest.talking import Talk


def rows(number: int, talk: Talk, **more: object) -> Iterator[Record]:
    """A conversation as the gateway writes it."""
    user = f"u{number}"
    for place, said in enumerate(talk.calls):
        inputs = {"messages": said.messages, "request": said.request}
        made = asked(f"{number}/{place}", user, said.at, inputs=inputs, session=f"s{number}")
        yield replace(made, **more)
        answer = Completion(decision=made.id, output=said.output, at=said.answered)
        yield replace(answer, finish=said.finish, error=said.error)


def asked(id_: str, user: str, at: float, *, inputs: dict[str, object], session: str) -> Decision:
    return Decision(
        id=id_, task="site-0123456789", release="", epoch=0, arm="main", p_arm=1.0, options=(),
        option="small", unit=user, unit_kind="user", cluster=user, fold="tracks", policy="", variant="",
        declaration="", at=at, user=user, session=session, provenance="import", inputs=inputs,
    )  # fmt: skip
