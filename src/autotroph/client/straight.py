"""Who is asked straight where the gateway cannot answer, and how."""

from collections.abc import Mapping

import msgspec

from autotroph.client.behind import broken_off, document_of, fails, fails_at_once, fault_of
from autotroph.client.calls import Steps
from autotroph.client.exchange import Lost, Outcome, Request, Response
from autotroph.client.saying import Question
from autotroph.client.server import Place
from autotroph.errors import InputError, UpstreamFault
from autotroph.wire.failed import hidden
from autotroph.wire.secret import Secret, is_reference

CONNECT = 5.0
"""Seconds to connect to an upstream, as a gateway has that declares nothing else."""

_PATH = "/chat/completions"
_PINNED = "::"


class Straight(msgspec.Struct, frozen=True, kw_only=True):
    """An OpenAI-compatible upstream that answers chat where the gateway cannot.

    Attributes:
        url: such as `https://llm.example.com/v1`.
        key: a reference to its key, `env:NAME` or `file:PATH`, never the key itself.
        model: which of its models answers: one for all, or by the name that is asked for (a task, or
            `task::variant`). What is not named here is asked for by the same name, as the gateway passes on
            what it does not know.

    >>> Straight(url="https://llm.example.com/v1", model={"answer": "small-8b"}).called("answer::careful")
    'small-8b'
    """

    url: str
    key: str = ""
    model: str | Mapping[str, str] = ""

    def __post_init__(self) -> None:
        Place(self.url, "the upstream's url", "https://llm.example.com/v1")
        if self.key and not is_reference(self.key):
            raise InputError(
                'the upstream\'s key: secrets only by reference: write "env:NAME" or "file:PATH"; if this was'
                " the key, replace it"
            )

    def called(self, model: str) -> str:
        """What a model that is asked for is called there."""
        if isinstance(self.model, str):
            return self.model or model
        task = model.partition(_PINNED)[0]
        return self.model.get(model, self.model.get(task, model))


class Aside(Place):
    """The way to it.

    Args:
        straight: who is asked.
    """

    def __init__(self, straight: Straight) -> None:
        super().__init__(straight.url, "the upstream's url", "https://llm.example.com/v1")
        self._secret, self._used = Secret(straight.key, "upstream"), set[str]()
        self.called = straight.called

    def headers(self) -> dict[str, str]:
        """The key as it is now.

        Raises:
            UpstreamFault: there is none where it should be.
        """
        key = self._secret.value()
        self._used.update({key} if key else ())
        return {"authorization": f"Bearer {key}"} if key else {}

    def hidden(self, said: bytes) -> bytes:
        """What it said, without the key, should it have quoted it."""
        for key in self._used:
            said = hidden(said, key)
        return said

    def ask(self, question: Question, timeout: float, why: Exception) -> Steps[Response]:
        """Have a question answered; it is asked once.

        Args:
            question: with messages.
            timeout: seconds for the answer; for each piece, of one that streams.
            why: the gateway did not answer.

        Raises:
            UpstreamFault: it is not.
            InputError: it is no JSON.
        """
        request = Request(
            path=_PATH,
            body=question.body(self.called(question.model)),
            timeout=timeout,
            connect=CONNECT,
            streams=question.stream,
        )
        outcome = yield request
        try:
            return self._answered(outcome, question)
        except UpstreamFault as fault:
            fault.add_note(f"it was asked straight, because {why}")
            raise

    def _answered(self, outcome: Outcome, question: Question) -> Response:
        if isinstance(outcome, Lost):
            raise UpstreamFault(f"upstream: {self.host}: {outcome.why}", outcome.kind)
        document = document_of(outcome.body)
        if outcome.status != 200 or fails(document):
            raise fault_of(outcome, self.hidden(outcome.body), f"upstream: {self.host}")
        if said := fails_at_once(outcome):
            raise broken_off(self.hidden(said), f"upstream: {self.host} broke its answer off")
        if question.stream != (outcome.rest is not None) or not (document or question.stream):
            raise UpstreamFault(f"upstream: {self.host} answered with something else than asked", "malformed")
        return outcome
