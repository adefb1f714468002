"""Whether this machine can carry a cluster; where it cannot, what to change."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

from dev.errors import RefusalError

GO_AT_LEAST = (1, 26)
NAMESPACES = ("net", "mnt", "pid", "ipc", "uts")
CONTROLLERS = ("cpu", "cpuset", "memory", "pids")


def require_linux_root() -> None:
    """Namespaces and mounts are Linux's, and making them in the machine's own user space, root's."""
    if platform.system() != "Linux":
        raise RefusalError(
            f"the local cluster is made of Linux namespaces, and this is {platform.system()}: "
            "use a Linux machine (a virtual one does), or your own cluster with CLUSTER=current"
        )
    if os.geteuid() != 0:
        raise RefusalError(
            "the local cluster needs root (namespaces, mounts, cgroups): run it with sudo -E, "
            "or use your own cluster with CLUSTER=current"
        )


def require_kernel(node: bool) -> None:
    """Refuse early where the kernel lacks what would only fail deep inside, in some log."""
    lacking = [name for name in NAMESPACES if not Path(f"/proc/self/ns/{name}").exists()]
    if lacking:
        raise RefusalError(f"the kernel has no namespaces of this kind: {' '.join(lacking)}")
    if not node:
        return
    _module("overlay", lambda: "\toverlay\n" in Path("/proc/filesystems").read_text())
    _module("br_netfilter", lambda: Path("/proc/sys/net/bridge").is_dir())
    lacking = [name for name in CONTROLLERS if not _controller(name)]
    if lacking:
        raise RefusalError(
            f"no cgroup controller of this kind is mounted on /sys/fs/cgroup: {' '.join(lacking)}"
        )


def _module(name: str, there: object) -> None:
    assert callable(there)
    if there():
        return
    modprobe = shutil.which("modprobe", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if modprobe:
        subprocess.run([modprobe, name], capture_output=True, check=False)
    if not there():
        raise RefusalError(
            f"the kernel module {name} is needed, and modprobe {name} does not bring it"
        )


def _controller(name: str) -> bool:
    unified = Path("/sys/fs/cgroup/cgroup.controllers")
    if unified.exists():
        return name in unified.read_text().split()
    return Path("/sys/fs/cgroup", name, "tasks").exists()


def go() -> str:
    """The path of a Go that is new enough."""
    found = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin:/usr/lib/go/bin")
    wanted = ".".join(map(str, GO_AT_LEAST))
    hint = f"install Go {wanted} or newer and have `go` in PATH"
    if found is None:
        raise RefusalError(f"Go is needed to build the cluster's tools: {hint}")
    said = subprocess.run([found, "version"], capture_output=True, text=True, check=False).stdout
    match = re.search(r"\bgo(\d+)\.(\d+)", said)
    if match is None:
        raise RefusalError(f"`{found} version` said {said.strip()!r}: {hint}")
    if (int(match[1]), int(match[2])) < GO_AT_LEAST:
        raise RefusalError(f"{found} is Go {match[1]}.{match[2]}, which is too old: {hint}")
    return found
