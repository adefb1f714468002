"""What comes from the distribution: which package brings which file, and installing the missing."""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from dev.errors import RefusalError

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

CLUSTER: Mapping[str, str] = {
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "setsid": "util-linux",
    "mount": "mount",
    "hostname": "hostname",
    "ip": "iproute2",
    "sysctl": "procps",
    "openssl": "openssl",
}
"""Needed by every cluster: command, or file when it has a slash, and the package that brings it."""

NODE: Mapping[str, str] = {
    "containerd": "containerd",
    "ctr": "containerd",
    "containerd-shim-runc-v2": "containerd",
    "runc": "runc",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "/usr/lib/cni/host-local": "containernetworking-plugins",
    "/usr/lib/cni/portmap": "containernetworking-plugins",
    "/usr/lib/cni/loopback": "containernetworking-plugins",
    "nft": "nftables",
    "iptables": "iptables",
}
"""Needed where pods really run."""

IMAGES: Mapping[str, str] = {
    "unshare": "util-linux",
    "buildah": "buildah",
    "debootstrap": "debootstrap",
    "/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring",
    "tar": "tar",
}
"""Needed to build images."""

POSTGRES: Mapping[str, str] = {
    "/usr/lib/postgresql/*/bin/initdb": "postgresql",
    "/usr/lib/postgresql/*/bin/psql": "postgresql-client",
    "setpriv": "util-linux",
}
"""Needed for the demonstration's warehouse."""

FAKE_TIME = "/usr/lib/*/faketime/libfaketimeMT.so.1"

TESTS: Mapping[str, str] = {FAKE_TIME: "libfaketime"}
"""Needed by the tests that move the wall clock of a process."""

GITEA: Mapping[str, str] = {"git": "git", "/usr/share/zoneinfo/Asia/Kolkata": "tzdata"}
"""Needed by the Gitea that tests fetch from: its repositories, and a time zone that is not UTC."""

MOUNT_POINTS = (Path("/var/lib/kubelet"), Path("/var/lib/cni"))
"""Empty folders that kubelet and the network plugins insist on, as places to mount on.

They belong to the machine like the packages, and stay: removing one while a second cluster has
something mounted there would take that mount away from it.
"""


def present(need: str) -> bool:
    """Whether a command is found, or a file when the name has a slash (a pattern is allowed)."""
    if "/" in need:
        return bool(glob.glob(need))
    return shutil.which(need, path=SYSTEM_PATH) is not None


def missing(*groups: Mapping[str, str]) -> list[str]:
    """The packages to install, each once."""
    packages = (package for group in groups for need, package in group.items() if not present(need))
    return sorted(set(packages))


def install(*groups: Mapping[str, str]) -> None:
    """Install what is missing, or refuse with the list when that cannot be done here."""
    packages = missing(*groups)
    if packages:
        _apt(packages)
        still = missing(*groups)
        if still:
            raise RefusalError(f"installed, and yet not found: {' '.join(still)}")
    if NODE in groups:
        for folder in MOUNT_POINTS:
            folder.mkdir(parents=True, exist_ok=True)


def _has_apt() -> bool:
    return shutil.which("apt-get") is not None


def _apt(packages: Iterable[str]) -> None:
    names = list(packages)
    if not _has_apt():
        raise RefusalError(
            f"apt-get is not here, so install these yourself: {' '.join(names)} (Debian's names)"
        )
    if os.geteuid() != 0:
        raise RefusalError(f"as root: apt-get install {' '.join(names)}")
    print(f"installing packages: {' '.join(names)}", file=sys.stderr, flush=True)
    apt = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update"], ["install", "-y", "--no-install-recommends", *names]):
        result = subprocess.run(
            [*apt, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        # A failed update is no reason to give up: the lists that are there may do.
        if result.returncode != 0 and arguments[0] == "install":
            tail = "\n".join(result.stdout.splitlines()[-15:])
            raise RefusalError(f"apt-get install {' '.join(names)} failed:\n{tail}")
