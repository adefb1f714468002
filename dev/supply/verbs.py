"""`sbom`, `licences`, `scan`, `reproduce`: from the images as they are built from this checkout."""

from __future__ import annotations

import argparse
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dev import paths
from dev.errors import RefusalError
from dev.files import write
from dev.images import TARGETS, Images
from dev.supply import (
    contents,
    debian,
    exceptions,
    licences,
    osv,
    page,
    reproduce,
    scan,
    spdx,
)
from dev.supply.contents import Contents

FOLDER = paths.ROOT / "build" / "sbom"


def read_images(folder: Path | None = None) -> list[Contents]:
    """The contents of both images: of the archives in a folder, else built first if need be."""
    if folder is None:
        archives = Images().build()
    else:
        archives = {target: folder / f"{target}.tar" for target in TARGETS}
    return [contents.of(target, path) for target, path in archives.items()]


def add_verbs(verb: Any) -> None:
    """`sbom`, `licences`, `scan`, `reproduce`."""
    sbom: argparse.ArgumentParser = verb("sbom", _sbom, "write a bill of materials for each image")
    sbom.add_argument("--to", type=Path, default=FOLDER, metavar="FOLDER")
    text = "write docs/licences.md; fail on a licence that is not allowed"
    checked: argparse.ArgumentParser = verb("licences", _licences, text)
    text = "look for what is known to be wrong with what is in the images"
    scanned: argparse.ArgumentParser = verb("scan", _scan, text)
    scanned.add_argument(
        "--osv", type=Path, metavar="FOLDER", help="with PyPI/all.zip, OSV's export"
    )
    verb("reproduce", _reproduce, "build both images once more; fail where they differ")
    for parser in (sbom, checked, scanned):
        parser.add_argument(
            "--images", type=Path, metavar="FOLDER", help="with operator.tar and runner.tar"
        )


def _sbom(arguments: argparse.Namespace) -> int:
    rules = licences.Rules.read()
    for one in read_images(arguments.images):
        path = arguments.to / f"{one.target}.spdx.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, spdx.document(one, rules), 0o644)
        bundled = sum(len(each.components) for each in one.distributions)
        counts = (
            f"{len(one.packages)} Debian packages, {len(one.distributions)} distributions of Python"
        )
        print(f"{path}: {counts}, {bundled} components inside of them")
    return 0


def _licences(arguments: argparse.Namespace) -> int:
    rules = licences.Rules.read()
    images = read_images(arguments.images)
    write(page.PAGE, page.write(images, rules), 0o644)
    if complaints := licences.complaints(images, rules):
        raise RefusalError("\n".join(["not to be passed on like this:", *complaints]))
    print(page.PAGE)
    return 0


def _scan(arguments: argparse.Namespace) -> int:
    """Without a copy of OSV only Debian's packages are judged, and the report says so."""
    now = datetime.now(UTC)
    exceptions_known = exceptions.read(now.date())
    database = osv.read(arguments.osv) if arguments.osv else None
    images = read_images(arguments.images)
    report = scan.scan(images, debian.lists(), database, exceptions_known, now)
    print("\n".join(report.lines()))
    if report.failed:
        raise RefusalError(
            "not to be released like this. Debian's packages: make images NEW_BASE=1. Python's: make pins. "
            f"What can stay for now, and why: {exceptions.FILE.relative_to(paths.ROOT)}"
        )
    return 0


def _reproduce(_: argparse.Namespace) -> int:
    images = Images()
    differing = []
    for target, archive in images.build().items():
        with tempfile.TemporaryDirectory() as folder:
            again = Path(folder) / f"{target}.tar"
            images.build_afresh(target, again)
            found = reproduce.difference(archive, again)
        print(f"{target}: " + ("differs" if found else "the same"))
        differing += [f"{target}: {line}" for line in found]
    if differing:
        raise RefusalError("\n".join(differing))
    return 0
