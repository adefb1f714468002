"""The termination message: what the operator reads of this pod."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from spark_plugins.errors import MAX_RETRY_AFTER_SECONDS
from spark_runner.outcome import Exit, Outcome
from spark_runner.scrub import Scrubber, one_line

MAX_BYTES = 4096
MAX_MESSAGE = 512
MAX_ROWS = 10**15


def render(outcome: Outcome, scrubber: Scrubber) -> bytes:
    """The JSON object of the contract, at most 4096 bytes of UTF-8."""
    body: dict[str, Any] = {}
    # Scrubbed before it is cut: half a secret would not be recognised.
    message = one_line(scrubber(outcome.message), MAX_MESSAGE)
    if message:
        body["message"] = message
    if outcome.rows is not None:
        body["rows"] = min(max(outcome.rows, 0), MAX_ROWS)
    if outcome.exit is Exit.RATE_LIMITED and outcome.retry_after_seconds is not None:
        body["retryAfterSeconds"] = min(
            max(outcome.retry_after_seconds, 0), MAX_RETRY_AFTER_SECONDS
        )
    if outcome.exit is Exit.PERMANENT and outcome.reason in ("InvalidCredentials", "InvalidConfig"):
        body["reason"] = outcome.reason
    encoded = json.dumps(body, ensure_ascii=False).encode()
    # 512 characters are at most 2048 bytes, twice that if each needs a backslash of its own.
    return encoded if len(encoded) <= MAX_BYTES else json.dumps(body | {"message": ""}).encode()


def write(path: Path, outcome: Outcome, scrubber: Scrubber) -> None:
    """Write the message; a failure is not raised, since the exit code still tells the class."""
    try:
        # Not created anew and renamed: kubelet has bound this very file into the container.
        with path.open("wb") as file:
            file.write(render(outcome, scrubber))
    except OSError:
        pass
