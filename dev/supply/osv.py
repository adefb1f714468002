"""Advisories on distributions of Python, from a copy of the OSV database.

The copy is the export that osv-scanner takes, too: `PyPI/all.zip`, one JSON document for each advisory.
No package of a registry holds a current one, so it has to be fetched, once, to where there is a network.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dev.errors import RefusalError
from dev.supply.contents import Distribution, normalized

SOURCE = "https://osv-vulnerabilities.storage.googleapis.com/PyPI/all.zip"


@dataclass(frozen=True)
class Advisory:
    """One that a distribution is open to."""

    distribution: str
    version: str
    ids: tuple[str, ...]
    """Its own, then the other names of the same, such as CVE-…"""
    summary: str
    fixed: tuple[str, ...]


@dataclass(frozen=True)
class Database:
    """Advisories by the normalized name of what they are about."""

    affected: dict[str, list[dict[str, Any]]]
    modified: datetime
    """The latest change of any: as old is the copy."""
    count: int

    def judge(self, distributions: Iterable[Distribution]) -> list[Advisory]:
        """Those that the versions here are open to."""
        parse = _version_parser()
        found = []
        for one in distributions:
            for record in self.affected.get(one.normalized, []):
                parts = [
                    part
                    for part in record["affected"]
                    if _is_about(part, one.normalized) and _holds(part, one.version, parse)
                ]
                if parts:
                    found.append(
                        Advisory(
                            one.name,
                            one.version,
                            (record["id"], *record.get("aliases", [])),
                            record.get("summary", ""),
                            tuple(sorted({fix for part in parts for fix in _fixes(part)})),
                        )
                    )
        return found


def read(folder: Path) -> Database:
    """Raises RefusalError for what is no such copy."""
    path = folder / "PyPI" / "all.zip"
    affected: dict[str, list[dict[str, Any]]] = {}
    modified, count = datetime.min.replace(tzinfo=UTC), 0
    try:
        for record in _records(path):
            count += 1
            modified = max(modified, datetime.fromisoformat(record["modified"]).astimezone(UTC))
            if record.get("withdrawn"):
                continue
            for name in {part["package"]["name"] for part in record.get("affected", [])}:
                affected.setdefault(normalized(name), []).append(record)
    except (OSError, zipfile.BadZipFile, ValueError, KeyError, TypeError) as error:
        raise RefusalError(f"{path} is no export of OSV ({error!r}): it is at {SOURCE}") from None
    if not count:
        raise RefusalError(f"{path} holds no advisory: fetch it anew from {SOURCE}")
    return Database(affected, modified, count)


def _records(path: Path) -> Iterator[dict[str, Any]]:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            yield json.loads(archive.read(name))


def _is_about(part: dict[str, Any], name: str) -> bool:
    package = part.get("package", {})
    return package.get("ecosystem") == "PyPI" and normalized(package.get("name", "")) == name


def _holds(part: dict[str, Any], version: str, parse: Callable[[str], Any]) -> bool:
    """Whether the version is listed, or lies in a range. What cannot be compared counts as open."""
    if version in part.get("versions", []):
        return True
    ranges = [one for one in part.get("ranges", []) if one.get("type") == "ECOSYSTEM"]
    return any(_in_range(one["events"], version, parse) for one in ranges)


def _in_range(events: list[dict[str, str]], version: str, parse: Callable[[str], Any]) -> bool:
    try:
        here = parse(version)
        inside = False
        # `0` is before everything; a range ends before `fixed`, and after `last_affected`.
        for kind, bound in sorted(
            ((kind, bound) for event in events for kind, bound in event.items()),
            key=lambda pair: parse(pair[1]),
        ):
            if kind == "introduced" and here >= parse(bound):
                inside = True
            elif (kind == "fixed" and here >= parse(bound)) or (
                kind == "last_affected" and here > parse(bound)
            ):
                inside = False
    except ValueError:
        return True
    return inside


def _fixes(part: dict[str, Any]) -> list[str]:
    ranges = [one for one in part.get("ranges", []) if one.get("type") == "ECOSYSTEM"]
    return [event["fixed"] for one in ranges for event in one["events"] if "fixed" in event]


def _version_parser() -> Callable[[str], Any]:
    """Versions of Python are compared by the library that pip uses: the one need beyond the standard library."""
    try:
        from packaging.version import Version
    except ImportError:
        raise RefusalError(
            "the library `packaging` is missing: make scan, or apt-get install python3-packaging"
        ) from None
    return Version
