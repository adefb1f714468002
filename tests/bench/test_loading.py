"""The measurement of loading, small: it must go on measuring what it says."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_each_destination_is_measured_beside_the_bare_script() -> None:
    command = [sys.executable, "-m", "bench.loading", "--records", "300"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    for target in ("postgres", "duckdb", "files"):
        assert f"| spark-fetch → {target} |" in ended.stdout
        assert f"| bare → {target} |" in ended.stdout
    assert "within 300 s and 256 MiB" in ended.stdout
