"""A fetch on this machine: what a pod would be given, in a folder that is removed whatever happens."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spark_operator.model import result


@dataclass(frozen=True)
class Ended:
    """``code`` as in docs/contract.md; ``message`` is scrubbed by the runner; ``rows`` counts records."""

    code: int
    message: str
    rows: int | None


def run(
    document: Mapping[str, Any], credentials: Mapping[str, bytes], data: Path, limit: int | None
) -> Ended:
    """Fetch once, into ``data``; with ``limit`` print so many records of each resource instead."""
    # Mode 0700, as every folder that tempfile makes.
    folder = Path(tempfile.mkdtemp(prefix="kubectl-spark-run-"))
    try:
        return _run(folder, document, credentials, data, limit)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(
    folder: Path,
    document: Mapping[str, Any],
    credentials: Mapping[str, bytes],
    data: Path,
    limit: int | None,
) -> Ended:
    for name in ("credentials", "destination", "api", "tmp"):
        (folder / name).mkdir()
    for key, value in credentials.items():
        path = folder / "credentials" / key
        path.touch(mode=0o600)
        path.write_bytes(value)
    environment = {**os.environ, "SPARK_INTEGRATION": json.dumps(document)}
    environment.pop("JOB_CREATED_AT", None)
    command = [
        sys.executable,
        "-m",
        "spark_cli.act.fetch_here",
        str(folder),
        str(data),
        "" if limit is None else str(limit),
    ]
    child = subprocess.Popen(command, env=environment)  # noqa: S603
    try:
        code = child.wait()
    except (KeyboardInterrupt, SystemExit):
        # It drains what it loads and ends by itself; with the folder gone before, it would fail midway.
        child.terminate()
        child.wait()
        raise
    message = folder / "message"
    told = result.parse(message.read_text(encoding="utf-8") if message.exists() else "")
    return Ended(code, told.message, told.rows)
