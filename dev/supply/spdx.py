"""The bill of materials of an image: SPDX 2.3, in JSON.

The same image has the same bill, byte for byte: its time is that of the image, its name holds the image's
digest, and all lists are sorted. Hence two who have the image can compare their bills.
"""

from __future__ import annotations

import json
import re
from typing import Any

from dev.supply.contents import Contents, deb_purl, pypi_purl
from dev.supply.licences import Rules

TOOL = "spark-integrations-dev"
Package = dict[str, Any]


def document(contents: Contents, rules: Rules) -> str:
    """The document, ready to be written."""
    builder = _Builder(contents, rules)
    builder.fill()
    hex_digest = contents.image.digest.partition(":")[2]
    name = f"spark-{contents.target}"
    whole = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": name,
        "documentNamespace": f"https://spdx.org/spdxdocs/{name}-{hex_digest}",
        "creationInfo": {
            "created": _seconds(contents.image.created),
            "creators": [f"Tool: {TOOL}"],
            "comment": "Read from what dpkg and the distributions of Python say of themselves in the image.",
        },
        "packages": builder.packages,
        "relationships": builder.relationships,
    }
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def _seconds(created: str) -> str:
    """SPDX has no fractions of a second."""
    return re.sub(r"\.\d+", "", created)


class _Builder:
    def __init__(self, contents: Contents, rules: Rules) -> None:
        self.contents = contents
        self.rules = rules
        self.packages: list[Package] = []
        self.relationships: list[dict[str, str]] = []
        self._known: set[str] = set()

    def fill(self) -> None:
        contents = self.contents
        image = self._image()
        system = self._add(
            "OperatingSystem",
            contents.os_id,
            contents.os_version,
            primaryPackagePurpose="OPERATING_SYSTEM",
        )
        self._relate(image, "CONTAINS", system)
        for package in contents.packages:
            named = ", ".join(package.licences)
            comment = f"In /usr/share/doc/{package.name}/copyright"
            added = self._add(
                "Debian",
                package.name,
                package.version,
                purl=deb_purl(package, contents),
                supplier="Organization: Debian",
                sourceInfo=f"built from the source package {package.source} {package.source_version}",
                licenseComments=f"{comment}: {named}" if named else comment,
            )
            self._relate(image, "CONTAINS", added)
        for distribution in contents.distributions:
            licence = self.rules.licence(distribution) or "NOASSERTION"
            added = self._add(
                "Python",
                distribution.name,
                distribution.version,
                purl=pypi_purl(distribution),
                licenseDeclared=licence,
                sourceInfo=f"installed as /{distribution.path.rpartition('/')[0]}",
            )
            self._relate(image, "CONTAINS", added)
            for component in distribution.components:
                inside = self._add(
                    "Bundled",
                    component.name,
                    component.version,
                    purl=component.purl,
                    licenseDeclared=component.licence or "NOASSERTION",
                    sourceInfo=f"inside of {distribution.name}, as its own bill of materials says",
                )
                self._relate(added, "CONTAINS", inside)

    def _image(self) -> str:
        image = self.contents.image
        added = self._add(
            "Image",
            f"spark-{self.contents.target}",
            image.labels.get("org.opencontainers.image.version", ""),
            primaryPackagePurpose="CONTAINER",
            licenseDeclared=image.labels.get("org.opencontainers.image.licenses", "NOASSERTION"),
            comment=f"configuration {image.digest}; layers {' '.join(image.layers)}",
        )
        self._relate("SPDXRef-DOCUMENT", "DESCRIBES", added)
        return added

    def _add(self, kind: str, name: str, version: str, purl: str = "", **more: str) -> str:
        identifier = "SPDXRef-" + re.sub(r"[^A-Za-z0-9.]+", "-", f"{kind}-{name}-{version}").strip(
            "-"
        )
        number = 1
        unique = identifier
        # The same distribution can lie in two places, the same crate in two wheels.
        while unique in self._known:
            number += 1
            unique = f"{identifier}-{number}"
        self._known.add(unique)
        package: Package = {
            "SPDXID": unique,
            "name": name,
            "downloadLocation": "NOASSERTION",
            "filesAnalyzed": False,
            "licenseConcluded": "NOASSERTION",
            "licenseDeclared": "NOASSERTION",
            "copyrightText": "NOASSERTION",
            **more,
        }
        if version:
            package["versionInfo"] = version
        if purl:
            package["externalRefs"] = [
                {
                    "referenceCategory": "PACKAGE-MANAGER",
                    "referenceType": "purl",
                    "referenceLocator": purl,
                }
            ]
        self.packages.append(package)
        return unique

    def _relate(self, one: str, kind: str, other: str) -> None:
        self.relationships.append(
            {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}
        )
