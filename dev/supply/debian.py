"""Debian's own word on its packages: which have a newer version, and which of those are security updates.

The lists are apt's, signed by Debian and checked by apt. They lie in the cache and are renewed when they are
a day old; without a network the old ones are used, and their date is said.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from dev import paths
from dev.errors import RefusalError
from dev.images import SUITE
from dev.supply.contents import DebianPackage

MIRROR = "http://deb.debian.org/debian"
SECURITY = "http://deb.debian.org/debian-security"
KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
RENEWED_AFTER_SECONDS = 86_400


@dataclass(frozen=True)
class Waiting:
    """A version that Debian has and an image has not."""

    package: str
    installed: str
    version: str
    security: bool


@dataclass(frozen=True)
class Lists:
    """What each suite has: package → version. A suite has one version of each package and architecture."""

    main: dict[str, str]
    security: dict[str, str]
    signed: datetime
    """When Debian signed the list of the security updates."""

    def waiting(self, packages: Iterable[DebianPackage]) -> list[Waiting]:
        """What is newer than in the image; a security update where both suites are."""
        found = []
        for package in packages:
            for suite, security in ((self.security, True), (self.main, False)):
                version = suite.get(package.name)
                if version and newer(version, package.version):
                    found.append(Waiting(package.name, package.version, version, security))
                    break
        return found


def newer(one: str, other: str) -> bool:
    """By dpkg's own rules."""
    command = ["dpkg", "--compare-versions", one, "gt", other]
    return one != other and subprocess.run(command, check=False).returncode == 0


def lists() -> Lists:
    """Those of today if the network allows, else those that are there. Raises RefusalError for none."""
    folder = paths.cache() / "apt"
    found = _read(folder)
    age = time.time() - folder.stat().st_mtime if folder.exists() else RENEWED_AFTER_SECONDS
    if found and age < RENEWED_AFTER_SECONDS:
        return found
    trouble = _renew(folder)
    if trouble is None:
        os.utime(folder)
        found = _read(folder)
    elif found:
        print(f"the lists of Debian stay as they are: {trouble}", file=sys.stderr, flush=True)
    if not found:
        raise RefusalError(f"no lists of Debian's packages, and none to be had: {trouble}")
    return found


def _renew(folder: Path) -> str | None:
    """Let apt fetch the lists of the images' suite, which need not be this machine's; what was wrong."""
    sources = folder / "sources.list"
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    mirror = os.environ.get("DEBIAN_MIRROR", MIRROR)
    sources.write_text(
        f"deb [signed-by={KEYS}] {mirror} {SUITE} main\n"
        f"deb [signed-by={KEYS}] {mirror} {SUITE}-updates main\n"
        f"deb [signed-by={KEYS}] {os.environ.get('DEBIAN_SECURITY_MIRROR', SECURITY)} {SUITE}-security main\n"
    )
    settings = {
        "Dir::Etc::SourceList": sources,
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": folder / "lists",
        "Dir::Cache": folder / "cache",
        "Acquire::Languages": "none",
        "Acquire::GzipIndexes": "false",
        "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
        "Acquire::Retries": "2",
        "APT::Update::Error-Mode": "any",
    }
    options = [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]
    try:
        result = subprocess.run(
            ["apt-get", "-qq", *options, "update"], capture_output=True, text=True, check=False
        )
    except OSError as error:
        return f"apt-get: {error.strerror}"
    if result.returncode == 0:
        return None
    said = (result.stderr or result.stdout).strip().splitlines()
    return said[-1] if said else f"apt-get update ended with {result.returncode}"


def _read(folder: Path) -> Lists | None:
    """None where a list is missing: half of them would hide what the other half says."""
    indexes = sorted((folder / "lists").glob("*_Packages"))
    security = [path for path in indexes if f"_{SUITE}-security_" in path.name]
    signed = sorted((folder / "lists").glob(f"*_{SUITE}-security_InRelease"))
    others = [path for path in indexes if path not in security]
    if not (security and others and signed):
        return None
    date = re.search(r"^Date: (.*)$", signed[0].read_text(), re.MULTILINE)
    if date is None:
        return None
    when = parsedate_to_datetime(date[1]).astimezone(UTC)
    return Lists(_versions(others), _versions(security), when)


def _versions(files: Iterable[Path]) -> dict[str, str]:
    """The highest of each package: `-updates` has what the next point release will."""
    found: dict[str, str] = {}
    for path in files:
        with path.open() as stream:
            name = ""
            for line in stream:
                if line.startswith("Package: "):
                    name = line[9:].strip()
                elif line.startswith("Version: "):
                    version = line[9:].strip()
                    if name not in found or newer(version, found[name]):
                        found[name] = version
    return found
