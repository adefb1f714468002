"""What of a cluster could be seen outside of it: nothing, once it is down."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from dev.cluster import Cluster, cgroups
from dev.cluster.processes import alive as running
from dev.cluster.processes import stat_fields

SETTINGS = (
    "net/ipv4/ip_forward",
    "net/bridge/bridge-nf-call-iptables",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/hostname",
    "kernel/keys/root_maxkeys",
)


def machine() -> dict[str, object]:
    """Mounts, addresses, routes, firewall and settings of the machine's own namespaces."""
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    seen: dict[str, object] = {"mounts": sorted(mounts)}
    for what in ("addr", "route"):
        found = json.loads(subprocess.check_output(["ip", "-j", what, "show"]))
        seen[what] = sorted(
            f"{x.get('ifname') or x.get('dst')} {x.get('operstate')} "
            f"{[a['local'] for a in x.get('addr_info', [])]}"
            for x in found
        )
    rules = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=False)
    seen["rules"] = rules.stdout
    for name in SETTINGS:
        path = Path("/proc/sys", name)
        seen[name] = path.read_text() if path.exists() else None
    return seen


def launcher(cluster: Cluster) -> int:
    """The process outside whose death is the cluster's."""
    return stat_fields(cluster.layout.launcher.read_text())[0]


def process_namespace(cluster: Cluster) -> str:
    """Names the cluster's process namespace, also after it is gone."""
    pid = cluster.pid
    assert pid is not None
    return os.readlink(f"/proc/{pid}/ns/pid")


def processes(namespace: str) -> list[int]:
    """Who lives in a process namespace. A zombie only waits for the machine's init to see it."""
    found = []
    for name in os.listdir("/proc"):
        try:
            if not name.isdigit() or os.readlink(f"/proc/{name}/ns/pid") != namespace:
                continue
            if running(int(name)):
                found.append(int(name))
        except OSError:
            continue
    return found


def traces(cluster: Cluster) -> list[str]:
    """Folders and cgroups of the cluster, and processes that were started for it."""
    found = [str(path) for path in (cluster.layout.folder, cluster.layout.lock) if path.exists()]
    for hierarchy in cgroups.hierarchies():
        if (hierarchy / cluster.layout.cgroup).exists():
            found.append(str(hierarchy / cluster.layout.cgroup))
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and int(name) != os.getpid():
                command = Path(f"/proc/{name}/cmdline").read_bytes().decode(errors="replace")
                if str(cluster.layout.folder) in command or f"\0{cluster.name}\0" in command:
                    found.append(f"{name}: {command}")
        except OSError:
            continue
    return found
