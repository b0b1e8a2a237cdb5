"""Other gateways before the same stub, nothing stored: each from a virtual environment of its own.

`AUTOTROPH_PEERS` names a folder with some of `tensorzero`, `mlflow` and `litellm`, made by

    python3 -m venv tensorzero && tensorzero/bin/pip install tensorzero==2026.6.0
    python3 -m venv mlflow     && mlflow/bin/pip install "mlflow[genai]"
    python3 -m venv litellm    && litellm/bin/pip install "litellm[proxy]==1.106.2"

Each is set up as its pages say for the least work: no store, no cache, no logging of requests, one process.
"""

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from socket import create_server

from benchmarks.gateway_load import Target

PATIENCE = 90.0
"""Seconds that a peer has to begin answering; the slowest needs twenty."""

TENSORZERO = """
[gateway]
observability.enabled = false
[models.stub]
routing = ["stub"]
[models.stub.providers.stub]
type = "openai"
model_name = "stub"
api_base = "{upstream}/"
api_key_location = "none"
[functions.answer]
type = "chat"
[functions.answer.variants.stub]
type = "chat_completion"
model = "stub"
"""

TENSORZERO_START = """
import sys, time, tensorzero
gateway = tensorzero._start_http_gateway(
    config_file=sys.argv[1], clickhouse_url=None, postgres_url=None, valkey_url=None, async_setup=False)
print("at", gateway.base_url, flush=True)
while True:
    time.sleep(3600)
"""

MLFLOW = """
endpoints:
  - name: stub
    endpoint_type: llm/v1/chat
    model:
      provider: openai
      name: stub
      config: {{openai_api_key: any, openai_api_base: "{upstream}"}}
"""

LITELLM = """
model_list:
  - model_name: stub
    litellm_params: {{model: openai/stub, api_base: "{upstream}", api_key: any}}
general_settings: {{master_key: sk-stub}}
litellm_settings: {{telemetry: false}}
"""

Peer = Callable[[Path, str, Path], AbstractContextManager[Target]]


class Missing(Exception):
    """A contestant that is not here, and why."""


def installed(name: str) -> Path:
    """The `bin` of a peer's environment.

    Raises:
        Missing: there is none.
    """
    folder = os.environ.get("AUTOTROPH_PEERS")
    if not folder:
        raise Missing("AUTOTROPH_PEERS names no folder with virtual environments")
    found = Path(folder).resolve() / name / "bin"
    if not (found / "python").exists():
        raise Missing(f"{folder} has no virtual environment {name}")
    return found


@contextmanager
def tensorzero(programs: Path, upstream: str, folder: Path) -> Iterator[Target]:
    """TensorZero's gateway over HTTP, without a database."""
    file = _written(folder / "tensorzero.toml", TENSORZERO, upstream)
    command = [str(programs / "python"), "-c", TENSORZERO_START, str(file)]
    quiet = {"TENSORZERO_DISABLE_PSEUDONYMOUS_USAGE_ANALYTICS": "1", "RUST_LOG": "error"}
    with _process(command, folder / "tensorzero.log", quiet) as process:
        url = _said(process, folder / "tensorzero.log")
        port, _, path = url.removeprefix("http://").partition(":")[2].partition("/")
        model = "tensorzero::function_name::answer"
        yield _ready(
            process,
            Target(int(port), f"/{path}/chat/completions", model, session=process.pid),
            folder / "tensorzero.log",
        )


@contextmanager
def mlflow(programs: Path, upstream: str, folder: Path) -> Iterator[Target]:
    """MLflow's gateway."""
    file, port = _written(folder / "mlflow.yaml", MLFLOW, upstream), _free()
    command = [str(programs / "mlflow"), "gateway", "start", "--config-path", str(file)]
    given = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    path = f"{programs}{os.pathsep}{os.environ.get('PATH', '')}"  # it starts gunicorn or uvicorn by name
    with _process([*command, *given], folder / "mlflow.log", {"PATH": path}) as process:
        yield _ready(process, Target(port, session=process.pid), folder / "mlflow.log")


@contextmanager
def litellm(programs: Path, upstream: str, folder: Path) -> Iterator[Target]:
    """LiteLLM's proxy."""
    file, port = _written(folder / "litellm.yaml", LITELLM, upstream), _free()
    command = [str(programs / "litellm"), "--config", str(file), "--host", "127.0.0.1", "--port", str(port)]
    quiet = {"LITELLM_LOG": "ERROR", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    with _process(command, folder / "litellm.log", quiet) as process:
        target = Target(port, key="sk-stub", session=process.pid)
        yield _ready(process, target, folder / "litellm.log")


PEERS: Mapping[str, tuple[str, Peer]] = {
    "TensorZero, nothing stored": ("tensorzero", tensorzero),
    "MLflow gateway": ("mlflow", mlflow),
    "LiteLLM proxy": ("litellm", litellm),
}


def _written(file: Path, configuration: str, upstream: str) -> Path:
    file.write_text(configuration.format(upstream=upstream), "utf-8")
    return file


def _free() -> int:
    """A port that was free just now."""
    with create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@contextmanager
def _process(
    command: Sequence[str], log: Path, more: Mapping[str, str]
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process with what it starts itself, which ends with it; what it says goes to a file."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    with (
        log.open("wb") as said,
        subprocess.Popen(
            command,
            cwd=log.parent,
            env={**own, **more},
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield process
        finally:
            os.killpg(process.pid, 15)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)


def _said(process: "subprocess.Popen[bytes]", log: Path) -> str:
    """Where a peer says that it is."""
    for _ in _tries(process, log):
        for line in log.read_text("utf-8", "replace").splitlines():
            if line.startswith("at "):
                return line.removeprefix("at ")
    raise Missing(f"it did not say where it is in {PATIENCE:g} s")


def _ready(process: "subprocess.Popen[bytes]", target: Target, log: Path) -> Target:
    """The target, when it answers.

    Raises:
        Missing: it does not; with the last thing that it said.
    """
    last = "nothing"
    for _ in _tries(process, log):
        try:
            with urllib.request.urlopen(_request(target), timeout=10) as answer:
                if json.load(answer)["choices"][0]["message"]["content"]:
                    return target
        except (OSError, urllib.error.URLError) as error:
            last = str(error)
    raise Missing(f"it did not answer in {PATIENCE:g} s: {last}")


def _request(target: Target) -> urllib.request.Request:
    body = {"model": target.model, "messages": [{"role": "user", "content": "Are you there?"}]}
    headers = {"content-type": "application/json", "authorization": f"Bearer {target.key}"}
    url = f"http://127.0.0.1:{target.port}{target.path}"
    return urllib.request.Request(url, json.dumps(body).encode(), headers)


def _tries(process: "subprocess.Popen[bytes]", log: Path) -> Iterator[None]:
    """Some tries a second, while there is patience and the process lives."""
    end = time.perf_counter() + PATIENCE
    while time.perf_counter() < end:
        if process.poll() is not None:
            said = log.read_text("utf-8", "replace").strip().splitlines() or ["nothing"]
            raise Missing(f"it ended with {process.returncode}, and said last: {said[-1][:200]}")
        yield
        time.sleep(0.2)
