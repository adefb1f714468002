"""Where the operator puts what a fetch needs: the folders of the contract."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Paths:
    """The folders of a pod. Tests give their own; nothing else may move them."""

    credentials: Path = Path("/var/run/spark/credentials")
    destination: Path = Path("/var/run/spark/destination")
    api: Path = Path("/var/run/spark/api")
    data: Path = Path("/var/lib/spark/data")
    temporary: Path = Path("/tmp")  # noqa: S108  (an emptyDir of this pod alone)
    termination_message: Path = Path("/dev/termination-log")
