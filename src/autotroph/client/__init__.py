"""The Python client of a server: buffered signals, decisions, imports; for threads and for coroutines.

| file | what it has |
|---|---|
| saying.py | what is said: lines of signals and imports, the body of a decision |
| exchange.py | a request, what came of it, and what that means |
| answers.py | what callers get back |
| pace.py | how long to wait before the next attempt |
| calls.py | signals that are waited for, decisions and imports: what is asked, again, until it is answered |
| buffer.py | what waits to be sent, bounded in events and bytes |
| delivery.py | which batch is on its way, and what became of it |
| server.py | where the server is, and the key for it |
| connections.py | the standard library's HTTP, for threads |
| bell.py | how callers wait for the sender, so that an interrupt gets through |
| sender.py | the thread that sends what is buffered |
| caller.py | what both clients have in common |
| blocking.py | the client for threads |
| coroutines.py | the client for coroutines |

Everything above server.py knows no socket, no thread and no time that it was not told.
"""

from autotroph.client.answers import Answer, Refused, Stats, Stored, Taken
from autotroph.client.blocking import Client
from autotroph.client.coroutines import AsyncClient
from autotroph.client.delivery import Limits

__all__ = ["Answer", "AsyncClient", "Client", "Limits", "Refused", "Stats", "Stored", "Taken"]
