"""The routes: what is asked, who answers, how slowly."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from starlette.types import Receive, Scope, Send

from autotroph.clock import Clock
from autotroph.testing.recorded import asked, chat, responses, vectors
from autotroph.testing.recorded.answers import Answers
from autotroph.testing.recorded.caller import Caller, Gone
from autotroph.testing.recorded.chat import Completion, Document
from autotroph.testing.recorded.manner import Manner
from autotroph.testing.recorded.refused import Refused, malformed, missing
from autotroph.testing.recorded.tokens import count, cut

MODELS = "/v1/models"
encode = msgspec.json.Encoder().encode


class App:
    """An OpenAI-compatible server, as an ASGI application.

    Args:
        answers: who answers what.
        manner: how slowly, and at what price.
        clock: gives ids, and the time of an answer.

    Attributes:
        asked: how often each model was asked and had an answer, streams that were left included.
        open: requests under way.
        left: requests whose caller had gone before the answer ended.
    """

    def __init__(self, answers: Answers, manner: Manner, clock: Clock) -> None:
        self._answers, self._manner, self._clock = answers, manner, clock
        self.asked, self.open, self.left = Counter[str](), 0, 0
        self._posts = {
            "/v1/chat/completions": self._chat,
            "/v1/responses": self._respond,
            "/v1/embeddings": self._embed,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        identity = self._clock.new_id("req")
        caller = Caller(receive, send, [(b"x-request-id", identity.encode())])
        self.open += 1
        try:
            await self._answer(caller, scope["method"], scope["path"], identity.removeprefix("req_"))
        except Refused as refused:
            await caller.whole(refused.status, refused.body())
        except Gone:
            self.left += 1
        finally:
            self.open -= 1
            caller.close()

    async def _answer(self, caller: Caller, method: str, path: str, identity: str) -> None:
        body = await caller.body()
        if method == "POST" and path in self._posts:
            await self._posts[path](caller, body, identity)
        elif method == "GET" and (path == MODELS or path.startswith(f"{MODELS}/")):
            await caller.whole(200, encode(self._models(path.removeprefix(MODELS).removeprefix("/"))))
        else:
            known = ", ".join([*(f"POST {each}" for each in self._posts), f"GET {MODELS}"])
            raise missing(f"no route {method} {path}; known: {known}", "not_found")

    def _models(self, name: str) -> Document:
        listed = {each: self._model(each) for each in (*self._answers.models, vectors.MODEL)}
        if not name:
            return {"object": "list", "data": list(listed.values())}
        if name not in listed:
            raise missing(
                f"no model named {name!r} was recorded; known: {', '.join(listed)}", "model_not_found"
            )
        return listed[name]

    def _model(self, name: str) -> Document:
        return {"id": name, "object": "model", "created": 0, "owned_by": "recorded"}

    async def _chat(self, caller: Caller, body: bytes, identity: str) -> None:
        request = asked.decoded(body, asked.Chat)
        limit = asked.limit(request.max_completion_tokens, request.max_tokens)
        if request.n not in (None, 1):
            raise malformed(f"n is {request.n}; one answer was recorded, so n is 1", "n")
        text, sent = asked.last(request.messages), asked.sent(request.messages)
        said = self._completion(request.model, text, sent, limit, identity)
        if not request.stream:
            await self._whole(caller, text, said, chat.whole(said))
            return
        options = request.stream_options or asked.Options()
        chunks = chat.chunks(said, self._manner.chunk, with_usage=options.include_usage)
        await self._stream(
            caller, text, said, ((size, _data(each)) for size, each in chunks), b"data: [DONE]\n\n"
        )

    async def _respond(self, caller: Caller, body: bytes, identity: str) -> None:
        request = asked.decoded(body, asked.Respond)
        given = request.input
        messages = [asked.Message(content=given)] if isinstance(given, str) else given
        sent = asked.sent(messages) + count(request.instructions or "")
        text, limit = asked.last(messages), asked.limit(request.max_output_tokens)
        said = self._completion(request.model, text, sent, limit, identity)
        if not request.stream:
            await self._whole(caller, text, said, responses.whole(said))
            return
        events = responses.events(said, self._manner.chunk)
        named = ((size, b"event: %s\n" % each["type"].encode() + _data(each)) for size, each in events)
        await self._stream(caller, text, said, named, b"")

    async def _embed(self, caller: Caller, body: bytes, identity: str) -> None:  # noqa: ARG002 - it has no id
        request = asked.decoded(body, asked.Embed)
        known = (*self._answers.models, vectors.MODEL)
        if self._answers.models and request.model not in known:
            raise missing(
                f"no model named {request.model!r}; known: {', '.join(known)}", "model_not_found", "model"
            )
        document = vectors.embeddings(request)
        self.asked[request.model] += 1
        await caller.whole(200, encode(document))

    def _completion(self, model: str, text: str, sent: int, limit: int | None, identity: str) -> Completion:
        found = self._answers.answer(model, text).text
        said = cut(found, limit)
        self.asked[model] += 1
        return Completion(identity, int(self._clock.now()), model, sent, said, said == found)

    async def _whole(self, caller: Caller, text: str, said: Completion, document: Mapping[str, Any]) -> None:
        pace = self._manner.pace(said.model, text)
        seconds = pace.first + pace.token * (count(said.text) - 1)
        if seconds > 0:
            await caller.wait(seconds)
        await caller.whole(200, encode(document))

    async def _stream(
        self, caller: Caller, text: str, said: Completion, events: Iterable[tuple[int, bytes]], last: bytes
    ) -> None:
        """What begins the stream is sent at once, each piece of text when its last token would be there."""
        pace = self._manner.pace(said.model, text)
        first = pace.first - pace.token
        await caller.stream()
        for size, data in events:
            await caller.wait(size and first + size * pace.token)
            first = 0.0 if size else first
            await caller.event(data)
        if last:
            await caller.event(last)
        await caller.end()


def _data(document: Mapping[str, Any]) -> bytes:
    return b"data: %s\n\n" % encode(document)
