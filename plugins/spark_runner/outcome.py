"""How a fetch ended: the class that is the exit code, and what the user is told."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from spark_plugins.errors import Reason


class Exit(IntEnum):
    """The classes of the contract; the numbers are the exit codes."""

    SUCCESS = 0
    TRANSIENT = 1
    PERMANENT = 10
    RATE_LIMITED = 11
    TIMEOUT = 12


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """`message` is one sentence for the user, not scrubbed yet; `rows` counts records.

    `unexpected` marks what no rule knew: its traceback goes into the log.
    """

    exit: Exit
    message: str = ""
    rows: int | None = None
    retry_after_seconds: int | None = None
    reason: Reason | None = None
    unexpected: bool = False
