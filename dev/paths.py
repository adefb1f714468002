"""Where things lie: what can be made again (cache), what lives as long as a cluster (state)."""

from __future__ import annotations

import os
from pathlib import Path

from dev.errors import RefusalError

ROOT = Path(__file__).resolve().parent.parent
"""The checkout."""

COVERED = ("/run", "/var/run", "/var/log", "/var/lib/kubelet", "/var/lib/cni", "/proc", "/dev/shm")  # noqa: S108
"""Folders over which a cluster mounts its own: what lies there cannot be seen from inside."""


def _base(variable: str, fallback: str) -> Path:
    # The XDG rules say that a relative path is invalid and must be ignored.
    value = os.environ.get(variable, "")
    base = Path(value) if value.startswith("/") else Path.home() / fallback
    return base / "spark-integrations"


def cache() -> Path:
    """Tools and images. Deleting it costs minutes, never data."""
    return _base("XDG_CACHE_HOME", ".cache")


def state() -> Path:
    """One folder a cluster. Socket paths are no concern: every socket lies in a private /run."""
    return _base("XDG_STATE_HOME", ".local/state")


def visible_inside(path: Path) -> Path:
    """Refuse a folder that a cluster would cover with a mount of its own."""
    path = path.resolve()
    for covered in COVERED:
        if path.is_relative_to(covered):
            raise RefusalError(
                f"{path} lies under {covered}, which the cluster replaces for itself: "
                "set HOME (or XDG_CACHE_HOME and XDG_STATE_HOME) to a folder elsewhere"
            )
    return path
