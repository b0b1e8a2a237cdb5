"""What people install: a wheel that carries the types, the schema and the charts' bundle, and no tests."""

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).parent.parent


def test_a_wheel_carries_what_runs_and_nothing_else(tmp_path: Path) -> None:
    subprocess.run(
        [
            sys.executable,
            *["-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir"],
            tmp_path,
            ROOT,
        ],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("autotroph-*.whl")
    with ZipFile(wheel) as packed:
        names = set(packed.namelist())
        assert "vega" in packed.read("autotroph/faces/static/vega.js").decode().lower()
    package = {name.removeprefix("autotroph/") for name in names if name.startswith("autotroph/")}
    source = ROOT / "src/autotroph"
    assert package == {
        file.relative_to(source).as_posix()
        for file in source.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert package >= {"py.typed", "store/migrations/0001_ledger.sql", "store/migrations/views.sql"}
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"autotroph"}
    assert any(name.endswith("/licenses/LICENSE") for name in names)
