"""The frame in which gateways are measured: real processes, one short round."""

import os
from pathlib import Path

import pytest
from benchmarks.gateway import FLOOR, LEAN, OURS, Rounds, _document, _inside, measure
from benchmarks.gateway_load import cpu_seconds
from benchmarks.gateway_peers import PEERS

pytestmark = pytest.mark.slow


def test_who_is_here_is_measured_and_who_is_not_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOTROPH_PEERS", str(tmp_path))
    paces, missing = measure(tmp_path, connections=4, rounds=Rounds(rounds=2, full=0.2, single=0.2))
    assert set(missing) >= set(PEERS)
    assert f"{tmp_path} has no virtual environment tensorzero" in missing.values()
    floor = paces[FLOOR]
    assert (floor.of_floor.least, floor.of_floor.most) == (1, 1)
    assert min(floor.requests_per_s.least, paces[LEAN].requests_per_s.least) > 0
    assert floor.served_cpu_ms.least > 0
    document = _document(paces, missing)
    assert document["floor_requests_per_s"] == floor.requests_per_s.median
    assert (document["requests_per_s"] is None) == (OURS in missing)


def test_a_chat_in_the_process_takes_longer_than_its_upstream_and_the_disk_part_of_it(tmp_path: Path) -> None:
    found = _inside(tmp_path)
    assert found.bare_p50 > 0
    assert found.added_p50 > 0
    assert found.disk_p50 > 0


def test_cpu_time_of_a_session_is_read() -> None:
    assert cpu_seconds(os.getsid(0)) > 0
    assert cpu_seconds(2**30) == 0
