"""What is in an image: Debian's packages, Python's distributions, and what these bring inside themselves.

It is read from what the packages say of themselves in the image (dpkg's status, METADATA, the bills that
wheels carry), not from what was to be installed: what slipped in is found too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from pathlib import Path
from urllib.parse import quote

from dev.errors import RefusalError
from dev.supply import archive
from dev.supply.archive import Image

STATUS = "var/lib/dpkg/status"
OS_RELEASE = "usr/lib/os-release"
METADATA = re.compile(r"\.(dist-info/METADATA|egg-info/PKG-INFO|egg-info)$")
BILL = re.compile(r"(?P<of>.+\.dist-info)/sboms/[^/]+\.json$")
TEXT = re.compile(r"(?P<of>.+\.(?:dist|egg)-info)/.*(?:licen[cs]e|copying)[^/]*$", re.IGNORECASE)
COPYRIGHT = re.compile(r"usr/share/doc/[^/]+/copyright$")
NAMED = re.compile(r"^License:[ \t]*(\S.{0,60})$", re.MULTILINE)


@dataclass(frozen=True, order=True)
class DebianPackage:
    """A package of the distribution."""

    name: str
    version: str
    architecture: str
    source: str
    source_version: str
    section: str
    """`non-free/…` or `contrib/…` where it is not of `main`."""
    licences: tuple[str, ...]
    """Debian's short names, where its copyright file is machine-readable."""
    has_copyright: bool


@dataclass(frozen=True, order=True)
class Component:
    """What a distribution says that it brings inside itself: a crate, a C library."""

    name: str
    version: str
    purl: str
    licence: str
    """An SPDX expression as it was found, or empty."""


def normalized(name: str) -> str:
    """The name of a distribution as indexes and advisories write it."""
    return re.sub(r"[-_.]+", "-", name).lower()


@dataclass(frozen=True)
class Distribution:
    """A distribution of Python."""

    name: str
    version: str
    path: str
    expression: str
    """`License-Expression`, or empty."""
    licence: str
    """The first line of `License`, or empty."""
    classifiers: tuple[str, ...]
    """Those of the licence, without `License :: OSI Approved ::`."""
    has_text: bool
    """Whether the licence's text is in the image."""
    components: tuple[Component, ...]

    @property
    def normalized(self) -> str:
        """The name by which an index knows it."""
        return normalized(self.name)


@dataclass(frozen=True)
class Contents:
    """One image, read."""

    target: str
    image: Image
    os_id: str
    os_version: str
    packages: tuple[DebianPackage, ...]
    distributions: tuple[Distribution, ...]


def of(target: str, path: Path) -> Contents:
    """What is in the archive of an image. Raises RefusalError for what is no image, or none of Debian."""
    image = archive.read(path, _wanted)
    release = dict(re.findall(r'^(\w+)="?(.*?)"?$', _text(image, OS_RELEASE), re.MULTILINE))
    return Contents(
        target=target,
        image=image,
        os_id=release.get("ID", ""),
        os_version=release.get("VERSION_ID", ""),
        packages=tuple(sorted(_packages(image))),
        distributions=tuple(
            sorted(_distributions(image.files), key=lambda one: (one.normalized, one.path))
        ),
    )


def _wanted(path: str) -> bool:
    if path in (STATUS, OS_RELEASE):
        return True
    return any(pattern.search(path) for pattern in (METADATA, BILL, TEXT, COPYRIGHT))


def _text(image: Image, path: str) -> str:
    content = image.read(path)
    if content is None:
        raise RefusalError(f"the image has no /{path}: it is not made from Debian")
    return content.decode()


def _packages(image: Image) -> Iterable[DebianPackage]:
    for paragraph in _text(image, STATUS).split("\n\n"):
        fields: dict[str, str] = dict(re.findall(r"^([A-Za-z-]+): (.*)$", paragraph, re.MULTILINE))
        if fields.get("Status") != "install ok installed":
            continue
        name, version = fields["Package"], fields["Version"]
        source, _, other = fields.get("Source", name).partition(" ")
        copyright_file = image.read(f"usr/share/doc/{name}/copyright")
        named = NAMED.findall((copyright_file or b"").decode(errors="replace"))
        machine_readable = (copyright_file or b"").lower().lstrip().startswith(b"format:")
        yield DebianPackage(
            name=name,
            version=version,
            architecture=fields["Architecture"],
            source=source,
            source_version=other.strip("()") or version,
            section=fields.get("Section", ""),
            licences=tuple(sorted({one.strip() for one in named})) if machine_readable else (),
            has_copyright=copyright_file is not None,
        )


def _distributions(files: Mapping[str, bytes]) -> Iterable[Distribution]:
    bills: dict[str, list[Component]] = {}
    texts = {found["of"] for path in files if (found := TEXT.match(path))}
    for path, content in files.items():
        if found := BILL.match(path):
            bills.setdefault(found["of"], []).extend(_components(path, content))
    for path, content in files.items():
        if METADATA.search(path):
            head = BytesParser().parsebytes(content, headersonly=True)
            folder = path.rpartition("/")[0]
            yield _distribution(head, path, bills.get(folder, []), folder in texts)


def _distribution(
    head: Message, path: str, components: list[Component], has_text: bool
) -> Distribution:
    said = [str(line) for line in head.get_all("Classifier", [])]
    licence = str(head["License"] or "").strip()
    return Distribution(
        name=str(head["Name"]),
        version=str(head["Version"]),
        path=path,
        expression=str(head["License-Expression"] or ""),
        licence=licence.splitlines()[0] if licence else "",
        classifiers=tuple(
            line.rpartition(" :: ")[2] for line in said if line.startswith("License ::")
        ),
        has_text=has_text,
        components=tuple(sorted(set(components))),
    )


def _components(path: str, content: bytes) -> list[Component]:
    """Those of a bill in CycloneDX that a wheel carries (PEP 770)."""
    try:
        bill = json.loads(content)
        listed = bill.get("components", [])
        return [
            Component(
                str(one["name"]),
                str(one.get("version", "")),
                str(one.get("purl", "")),
                _licence(one.get("licenses", [])),
            )
            for one in listed
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RefusalError(f"/{path} in the image is no bill of materials: {error!r}") from None


def _licence(listed: list[dict[str, object]]) -> str:
    words = []
    for one in listed:
        licence = one.get("license")
        word = licence.get("id") if isinstance(licence, dict) else one.get("expression")
        if word:
            words.append(str(word))
    # Cargo's older way of saying OR.
    words = [word.replace("/", " OR ") for word in words]
    return words[0] if len(words) == 1 else " AND ".join(f"({word})" for word in words)


def deb_purl(package: DebianPackage, contents: Contents) -> str:
    """Its address as scanners know it."""
    version, arch = quote(package.version, safe="+~.-"), package.architecture
    distro = f"{contents.os_id}-{contents.os_version}"
    upstream = f"{package.source}@{quote(package.source_version, safe='+~.-')}"
    return (
        f"pkg:deb/{contents.os_id}/{quote(package.name, safe='+.-')}@{version}"
        f"?arch={arch}&distro={distro}&upstream={quote(upstream, safe='')}"
    )


def pypi_purl(distribution: Distribution) -> str:
    """Its address as scanners know it."""
    return f"pkg:pypi/{distribution.normalized}@{quote(distribution.version, safe='.')}"
