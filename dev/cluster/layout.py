"""Names, addresses and files of one cluster: what inside and outside must agree on."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from dev import paths
from dev.errors import RefusalError

NODE = "node"
NODE_ADDRESS = "10.200.0.2"
NODE_GATEWAY = "10.200.0.1"
POD_RANGE = "10.244.0.0/24"
POD_GATEWAY = "10.244.0.1"
POD_GATEWAY_HARDWARE = "0a:58:0a:f4:00:01"
FAKE_POD_RANGE = "10.245.0.0/16"
SERVICE_RANGE = "10.96.0.0/16"
SERVICE_API = "10.96.0.1"
DOMAIN = "cluster.local"
PAUSE_IMAGE = "localhost/pause:1"
KUBELET_FOLDER = "/var/lib/kubelet"
POSTGRES_FOLDER = "/run/spark-postgres"


@dataclass(frozen=True)
class Layout:
    """Where one cluster keeps what. Every address is the same in each: networks are private."""

    name: str
    folder: Path

    @classmethod
    def of(cls, name: str) -> Layout:
        """The layout of the cluster of this name; the name becomes part of folders and cgroups."""
        if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", name):
            raise RefusalError(
                f"{name!r} cannot name a cluster: lower-case letters, digits and -, at most 32"
            )
        return cls(name, paths.visible_inside(paths.state()) / name)

    @property
    def context(self) -> str:
        """The name under which kubeconfig files know the cluster."""
        return self.name

    @property
    def cgroup(self) -> str:
        """The cgroup of all its pods. Two users may both have a cluster `spark`: hence the hash."""
        digest = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:6]
        return f"spark-{self.name}-{digest}"

    @property
    def lock(self) -> Path:
        """Held by whoever starts or stops the cluster. Beside the folder, which comes and goes."""
        return self.folder.with_name(f".{self.name}.lock")

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig, right outside and inside."""
        return self.folder / "admin.kubeconfig"

    @property
    def launcher(self) -> Path:
        """The stat line of the process whose child is process 1 of the cluster."""
        return self.folder / "launcher.stat"

    @property
    def init(self) -> Path:
        """The stat line of process 1 itself, to know it by when the launcher is gone."""
        return self.folder / "init.stat"

    @property
    def ready(self) -> Path:
        """There once everything answers; written by process 1."""
        return self.folder / "ready"

    @property
    def options(self) -> Path:
        """How the cluster was asked for."""
        return self.folder / "options.json"

    def pki(self, name: str) -> Path:
        """A key or a certificate."""
        return self.folder / "pki" / name

    def etc(self, name: str) -> Path:
        """A configuration file."""
        return self.folder / "etc" / name

    def log(self, name: str) -> Path:
        """The log of a component."""
        return self.folder / "log" / f"{name}.log"

    def component(self, name: str) -> Path:
        """The process number (inside) and command line of a component."""
        return self.folder / "components" / f"{name}.json"

    def disk(self, name: str) -> Path:
        """A folder of bulky data; a file system in memory when the cluster was asked for so."""
        return self.folder / "disk" / name

    def user_kubeconfig(self, user: str) -> Path:
        """The kubeconfig of one component."""
        return self.folder / f"{user}.kubeconfig"
