"""An upstream that fails on purpose: over real sockets, in the ways in which real ones fail, at the request.

    async with Flaky() as flaky:
        flaky.faults.append(Fault("cut", "after"))
        …  # a model with base_url = flaky.url and calls = { private = true }
        assert flaky.received == 1 and await flaky.quiet()

| file | idea |
|---|---|
| server.py | the sockets, and what is counted of them |
| script.py | how a request fails |
| answers.py | what it says where it does not fail, in two formats |
"""

from autotroph.testing.flaky.script import Fault, Received
from autotroph.testing.flaky.server import Flaky

__all__ = ["Fault", "Flaky", "Received"]
