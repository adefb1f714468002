"""The one thing of a cluster that lies outside its namespaces: a cgroup for its pods."""

from __future__ import annotations

import os
from pathlib import Path

from dev.errors import RefusalError
from dev.waiting import until

MOUNT = Path("/sys/fs/cgroup")


def hierarchies() -> list[Path]:
    """All mounted hierarchies: one a controller in version 1, a single one in version 2."""
    if (MOUNT / "cgroup.controllers").exists():
        return [MOUNT]
    return sorted(path for path in MOUNT.iterdir() if path.is_dir() and not path.is_symlink())


def make(name: str) -> None:
    """Make the cgroup everywhere: kubelet does not make its own root."""
    for hierarchy in hierarchies():
        top = hierarchy / name
        if (hierarchy / "cgroup.controllers").exists():
            _delegate(hierarchy)
        top.mkdir(exist_ok=True)
        for setting in ("cpuset.cpus", "cpuset.mems"):
            # In version 1 a new cpuset is empty, and nothing can be put into it before it is not.
            if hierarchy.name == "cpuset":
                (top / setting).write_text((hierarchy / setting).read_text())


def _delegate(hierarchy: Path) -> None:
    for controller in (hierarchy / "cgroup.controllers").read_text().split():
        try:
            (hierarchy / "cgroup.subtree_control").write_text(f"+{controller}")
        except OSError:
            continue  # the machine keeps this one for itself; kubelet says so if it needs it


def remove(name: str) -> None:
    """Remove it with all below. A killed process stays counted in its cgroup for an instant."""
    for hierarchy in hierarchies():
        top = hierarchy / name
        try:
            until(lambda top=top: _removed(top), 15, f"removing {top}")  # type: ignore[misc]
        except TimeoutError:
            raise RefusalError(f"{top} cannot be removed: a process is still in it") from None


def _removed(top: Path) -> bool:
    for folder, _, _ in os.walk(top, topdown=False):
        try:
            os.rmdir(folder)
        except OSError:
            continue  # not empty yet
    return not top.exists()
