"""The client for threads."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Self, Unpack

from autotroph.client.answers import Answer, Stored, Taken
from autotroph.client.caller import Caller
from autotroph.client.calls import elsewhere
from autotroph.client.chat import Chat, of_gateway
from autotroph.client.connections import Connections
from autotroph.client.exchange import Response
from autotroph.client.saying import Asked, Said
from autotroph.client.straight import Aside


class Client(Caller):
    """A client of one server. Any thread may call it; so may a program that runs an event loop.

    What is buffered is sent in the background, and at the end of the process. A forked process begins with an
    empty buffer.
    """

    _others: Connections | None = None

    def signal(self, subject: str, name: str, value: Any, **said: Unpack[Said]) -> None:
        """Say what came back about a decision, session or user. It is buffered, and sent until it is on disk.

        Args:
            subject: id of the decision, session or user that the signal is declared to be about.
            name: of a declared signal.
            value: of its type.
            said: see `Said`.

        Raises:
            InputError: subject or name is empty, or the value can be no signal's.
            Overloaded: the buffer stayed full; the signal was not taken.
            LedgerError: the client is closed.
        """
        self._sender.put(self._line(subject, name, value, said), self.patience)

    def signal_now(self, subject: str, name: str, value: Any, **said: Unpack[Said]) -> Stored:
        """Say it, and return when it is on disk. It waits for no buffered ones; event time tells the order.

        Args:
            subject: as for `signal`.
            name: as for `signal`.
            value: as for `signal`.
            said: as for `signal`.

        Raises:
            InputError: it was refused, or the key for the server was.
            Conflict: its key came before with something else, which is `first`.
            Erased: it is about somebody who was erased.
            Overloaded: the server takes nothing for now.
            LedgerError: the server cannot be reached.
        """
        line = self._line(subject, name, value, said)
        return self._connections.drive(self._calls.signal(line, self.patience))

    def decide(
        self,
        task: str,
        inputs: Mapping[str, Any],
        *,
        timeout: float = 2.0,
        otherwise: Callable[[Mapping[str, Any]], str] | None = None,
        **asked: Unpack[Asked],
    ) -> Answer:
        """Choose how to answer.

        Args:
            task: of the declaration.
            inputs: structured, JSON values.
            timeout: seconds for all attempts together.
            otherwise: decides when the server cannot be reached or takes nothing, and for a while afterwards;
                is given the inputs.
            asked: see `Asked`.

        Raises:
            InputError: what was asked cannot be decided, or the key for the server was refused.
            Conflict: the key was used before, for another question, which is `first`.
            Overloaded: the server takes nothing for now; not with `otherwise`.
            LedgerError: the server cannot be reached; not with `otherwise`.
        """
        calls = self._calls
        found = self._connections.drive(
            calls.decide(task, inputs, timeout, asked, hurry=otherwise is not None)
        )
        if isinstance(found, Answer):
            return found
        if otherwise is None:
            raise found.error
        return elsewhere(self._clock, otherwise(inputs), found)

    def chat(  # noqa: PLR0913 - two, and keywords that may be left out
        self,
        model: str,
        messages: Sequence[Mapping[str, Any]] = (),
        *,
        inputs: Mapping[str, Any] | None = None,
        user: str = "",
        session: str = "",
        key: str = "",
        stream: bool = False,
        timeout: float = 600.0,
        **parameters: Any,
    ) -> Chat:
        """Ask a chat task through the gateway, or straight where that is away and there is an `upstream`.

        Args:
            model: a task, `task::variant`, or a model.
            messages: the conversation, as OpenAI's chat completions have it.
            inputs: structured, for prompts and policy.
            user: pseudonymous id; who asks.
            session: decisions that share an outcome.
            key: idempotency key: the same call again gives the same answer; a fresh one if left out.
            stream: whether the answer is wanted piece by piece: iterate over it.
            timeout: seconds for the whole answer; of one that streams, for each of its pieces.
            parameters: of the request, such as `temperature` or `tools`.

        Raises:
            UpstreamFault: whoever answers behind the gateway did not, or, asked straight, the upstream.
            InputError: what was asked cannot be answered, or the key for the server was refused.
            Exhausted: a budget or a limit has no room for it.
            Conflict: the key was used before, for another question, which is `first`.
            Overloaded: the server takes nothing for now; not with an `upstream`.
            LedgerError: the server cannot be reached; not with an `upstream`. Or it did not answer in time.
        """
        who, began = {"user": user, "session": session, "key": key}, self._clock.elapsed()
        question = self._question(model, messages, inputs, stream, parameters, **who)
        asking = self._calls.chat(question, timeout, hurry=self._aside is not None)
        found = self._connections.drive(asking)
        if isinstance(found, Response):
            return Chat(of_gateway(found), found)
        aside = self._straight(found, question)
        left = self._left(question, timeout, began)
        response = self._beside(aside).drive(aside.ask(question, left, found.error))
        return Chat(self._source(aside, question, found), response)

    def imports(self, rows: Iterable[Any], *, patience: float = 60.0) -> Taken:
        """Bring decisions that were made elsewhere, and signals.

        Some rows are sent at a time, so there may be any number. Rows that are refused are named in the
        result; the others are taken. Brought again, they count once.

        Args:
            rows: mappings as `POST /v1/imports` takes them, or structs such as `DecisionIn`.
            patience: seconds for all attempts to bring some of them.

        Raises:
            InputError: a row is no JSON, or the key for the server was refused.
            Overloaded: the server takes nothing for now; a note says which rows were taken.
            LedgerError: the server cannot be reached; a note says which rows were taken.
        """
        return self._connections.drive(self._calls.imports(rows, patience))

    def flush(self, timeout: float | None = None) -> None:
        """Have everything sent that is buffered, and wait until it is on disk or refused.

        Args:
            timeout: seconds; the client's patience if left out.

        Raises:
            LedgerError: it is not, in time; it is still tried.
        """
        self._sender.flush(self.patience if timeout is None else timeout)

    def close(self, timeout: float | None = None) -> None:
        """Flush, and take nothing more. What could not be sent in time is given up and reported.

        Args:
            timeout: seconds; the client's patience if left out.

        Raises:
            LedgerError: something could not be sent in time; `refused` has it.
        """
        try:
            self._sender.close(self.patience if timeout is None else timeout)
        finally:
            if self._others is not None:
                self._others.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _beside(self, aside: Aside) -> Connections:
        if self._others is None:
            self._others = Connections(aside)
        return self._others
