"""What holds for every test.

A run is the same each time, and asks nothing of the machine's speed; `--hypothesis-profile=afresh` looks
where nobody has looked before, as `make test-slow` does. Nothing is compiled, and no garbage looked for, more
often than it has to be.
"""

import gc
import os
import signal
import sys

import pytest
from hypothesis import HealthCheck, settings

UNASKED = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much]
settings.register_profile("afresh", deadline=None, suppress_health_check=UNASKED)
settings.register_profile("same", settings.get_profile("afresh"), derandomize=True)
settings.load_profile("same")

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # more threads than cores only wait for each other
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # hundreds of processes are started, and each would compile
sys.dont_write_bytecode = False  # workers are started after this, and have it from the environment

USUAL = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
for number, handler in USUAL.items():
    # a run in the background, or by nohup, ignores these, and so would each process that a test sends them to
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, handler)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Modules and tests stay until the end: what looks for garbage need not go through them each time."""
    del session
    gc.collect()
    gc.freeze()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """At the end they are garbage like any other; extensions complain of what is left."""
    del session
    gc.unfreeze()
