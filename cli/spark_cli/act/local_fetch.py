"""A fetch on this machine: what a pod would be given, in folders that are removed whatever happens."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spark_cli.gather import private_files
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
    # Apart from it: what a fetch puts down on its way may be too much for a folder in memory.
    secret = private_files.new_folder("kubectl-spark-run-credentials-")
    try:
        return _run(folder, secret, document, credentials, data, limit)
    finally:
        private_files.remove(secret)
        private_files.remove(folder)


def _run(
    folder: Path,
    secret: Path,
    document: Mapping[str, Any],
    credentials: Mapping[str, bytes],
    data: Path,
    limit: int | None,
) -> Ended:
    for name in ("destination", "api", "tmp"):
        (folder / name).mkdir()
    for key, value in credentials.items():
        path = secret / key
        path.touch(mode=0o600)
        path.write_bytes(value)
    environment = {**os.environ, "SPARK_INTEGRATION": json.dumps(document)}
    environment.pop("JOB_CREATED_AT", None)
    command = [
        sys.executable,
        "-m",
        "spark_cli.act.fetch_here",
        str(folder),
        str(secret),
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
