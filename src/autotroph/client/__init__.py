"""The Python client of a server: buffered signals, decisions, imports; for threads and for coroutines.

| file | what it has |
|---|---|
| saying.py | what is said: lines of signals and imports, the body of a decision, a question |
| arriving.py | an answer that streams, as far as it has come |
| exchange.py | a request, what came of it, and what that means |
| behind.py | whose an answer to a question is: the gateway's, or of who answers behind it |
| answers.py | what callers get back |
| chat.py | such an answer, whole or piece by piece |
| pace.py | how long to wait before the next attempt |
| rest.py | how long a server is left alone where there is another way |
| calls.py | signals that are waited for, decisions, chat and imports: what is asked until it is answered |
| straight.py | who is asked straight where the gateway cannot answer |
| buffer.py | what waits to be sent, bounded in events and bytes |
| delivery.py | which batch is on its way, and what became of it |
| server.py | where the server is, and the key for it |
| listening.py | how long a thread listens |
| connections.py | the standard library's HTTP, for threads |
| sessions.py | aiohttp's, for coroutines |
| bell.py | how callers wait for the sender, so that an interrupt gets through |
| sender.py | the thread that sends what is buffered |
| caller.py | what both clients have in common |
| blocking.py | the client for threads |
| coroutines.py | the client for coroutines |

Everything above server.py knows no socket, no thread and no time that it was not told.
"""

from autotroph.client.answers import Answer, Refused, Stats, Stored, Taken
from autotroph.client.blocking import Client
from autotroph.client.chat import AsyncChat, Chat
from autotroph.client.coroutines import AsyncClient
from autotroph.client.delivery import Limits
from autotroph.client.straight import Straight

__all__ = [
    "Answer", "AsyncChat", "AsyncClient", "Chat", "Client", "Limits", "Refused", "Stats", "Stored",
    "Straight", "Taken",
]  # fmt: skip
