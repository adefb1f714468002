"""A bill of materials names everything in its image, is valid SPDX, and is the same each time."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import tarfile
from pathlib import Path

import pytest
from dev.supply import contents, spdx
from dev.supply.contents import Contents
from dev.supply.licences import Rules
from spdx_tools.spdx.model import Document, RelationshipType
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document
from tests.supply.layers import DEBIAN, image

SITE = "opt/spark/lib/python3.13/site-packages"


def written(folder: Path, one: Contents, rules: Rules) -> Document:
    """The bill, as the SPDX project's own tool reads it; valid, or the test ends."""
    path = folder / f"{one.target}.spdx.json"
    path.write_text(spdx.document(one, rules))
    document = parse_file(str(path))
    found = validate_full_spdx_document(document)
    assert [message.validation_message for message in found] == []
    return document


def test_the_bill_of_a_small_image(tmp_path: Path, rules: Rules) -> None:
    info = f"{SITE}/Some.Thing-1.dist-info"
    bill = {"components": [{"name": "crate", "version": "2", "purl": "pkg:cargo/crate@2"}]}
    files = {
        **DEBIAN,
        f"{info}/METADATA": "Name: Some.Thing\nVersion: 1+local\nLicense-Expression: MIT\n",
        f"{info}/sboms/a.cyclonedx.json": json.dumps(bill),
        f"{SITE}/x/_vendor/some_thing-1.dist-info/METADATA": "Name: Some.Thing\nVersion: 1+local\n",
    }
    document = written(tmp_path, contents.of("runner", image(tmp_path / "i.tar", files)), rules)
    assert str(document.creation_info.created) == "2026-01-02 03:04:05"
    found = {package.spdx_id: package for package in document.packages}
    purls = {
        key: one.external_references[0].locator
        for key, one in found.items()
        if one.external_references
    }
    assert purls == {
        "SPDXRef-Debian-libssl3t64-3.5.1-1-b2": "pkg:deb/debian/libssl3t64@3.5.1-1+b2?arch=amd64&distro=debian-13&upstream=openssl%403.5.1-1",
        "SPDXRef-Python-Some.Thing-1-local": "pkg:pypi/some-thing@1%2Blocal",
        "SPDXRef-Bundled-crate-2": "pkg:cargo/crate@2",
        "SPDXRef-Python-Some.Thing-1-local-2": "pkg:pypi/some-thing@1%2Blocal",
    }
    inside = {
        (one.spdx_element_id, one.related_spdx_element_id)
        for one in document.relationships
        if one.relationship_type == RelationshipType.CONTAINS
    }
    assert ("SPDXRef-Python-Some.Thing-1-local", "SPDXRef-Bundled-crate-2") in inside
    assert {one for _, one in inside} == set(found) - {"SPDXRef-Image-spark-runner-1.2.3"}


def unpack(archive: Path, folder: Path) -> Path:
    """The file system of an image, laid out by tar, to be read by others than us.

    The layers of ours only ever remove empty folders and logs.
    """
    outer, system = folder / "outer", folder / "system"
    outer.mkdir()
    system.mkdir()
    subprocess.run(["tar", "-xf", archive, "-C", outer], check=True)
    (manifest,) = json.loads((outer / "manifest.json").read_text())
    for layer in manifest["Layers"]:
        with tarfile.open(outer / layer) as opened:
            chosen = [
                member
                for member in opened
                if member.name.removeprefix("./").startswith(("var/lib/dpkg/", "opt/spark/lib/"))
            ]
            opened.extractall(system, chosen, filter="tar")
    return system


@pytest.mark.slow
@pytest.mark.parametrize("target", ["operator", "runner"])
def test_the_bill_of_each_image_names_what_dpkg_and_python_find_there(
    target: str, archives: dict[str, Path], images: list[Contents], rules: Rules, tmp_path: Path
) -> None:
    (one,) = [one for one in images if one.target == target]
    document = written(tmp_path, one, rules)
    named = {
        (package.spdx_id.split("-")[1], package.name, package.version)
        for package in document.packages
    }
    system = unpack(archives[target], tmp_path)
    query = ["dpkg-query", f"--admindir={system}/var/lib/dpkg", "--show"]
    query.append("--showformat=${db:Status-Abbrev}\t${Package}\t${Version}\n")
    listed = subprocess.run(query, check=True, capture_output=True, text=True).stdout.splitlines()
    packages = {("Debian", *line.split("\t")[1:]) for line in listed if line.startswith("ii")}
    assert len(packages) > 80
    assert packages == {row for row in named if row[0] == "Debian"}
    folders = [str(path) for path in system.glob("opt/spark/lib/python3*/site-packages")]
    vendored = [str(path) for path in system.glob("opt/spark/lib/python3*/site-packages/*/_vendor")]
    distributions = {
        ("Python", found.metadata["Name"], found.version)
        for found in importlib.metadata.distributions(path=folders + vendored)
    }
    assert len(distributions) > 20
    assert distributions == {row for row in named if row[0] == "Python"}


@pytest.mark.slow
def test_the_same_image_has_the_same_bill(
    archives: dict[str, Path], images: list[Contents], rules: Rules
) -> None:
    for one in images:
        again = contents.of(one.target, archives[one.target])
        assert spdx.document(again, rules) == spdx.document(one, rules)
