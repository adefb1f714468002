"""docs/licences.md, written from the images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dev import paths
from dev.supply.contents import Contents
from dev.supply.licences import Rules, identifiers

PAGE = paths.ROOT / "docs" / "licences.md"

HEAD = """\
# Licences

What is in the two images, and under which licences. Written by `make licences` from the images themselves; a test
compares it with them, and refuses a licence that the first table does not have.

The project is under Apache-2.0, as its [LICENSE](../LICENSE) says. Each text is in the images: of a distribution of
Python in its folder `….dist-info`, of a Debian package in `/usr/share/doc/PACKAGE/copyright`. Which versions of Debian's
packages an image has is in its [bill of materials](releasing.md#the-bill-of-materials), since they change with Debian's
updates.

## What is allowed, and why
"""

DEBIAN = """\
All are of Debian's `main`, which holds only what may be used, changed and passed on, and are passed on unchanged with their
copyright files. Their sources are at Debian, by package and version. The names are those that each copyright file uses,
where it can be read by a program.
"""


def write(contents: Sequence[Contents], rules: Rules) -> str:
    """The whole page."""
    lines = [HEAD]
    lines += _table("licence", "used by", "why")
    users = _users(contents, rules)
    for licence, why in rules.allowed.items():
        lines.append(f"| `{licence}` | {users.get(licence, 0)} | {why} |")
    lines += ["", "Looked up, as what they say of themselves is not enough:", ""]
    lines += _table("distribution", "licence", "why")
    lines += [
        f"| {name} | `{one['licence']}` | {one['why']} |" for name, one in rules.found.items()
    ]
    for image in contents:
        lines += ["", f"## Python in the {image.target}'s image", ""]
        lines += _table("distribution", "version", "licence", "brings inside itself")
        for one in image.distributions:
            licence = rules.licence(one) or "?"
            inside = _inside([(part.name, part.licence) for part in one.components])
            nested = " (in setuptools)" if "/setuptools/_vendor/" in one.path else ""
            version = one.version if one.normalized != "spark-integrations" else ""
            lines.append(f"| {one.name}{nested} | {version} | `{licence}` | {inside} |")
    lines += ["", "## Debian's packages, in both images", "", DEBIAN]
    lines += _table("package", "licences")
    packages = {one.name: one for image in contents for one in image.packages}
    for name, package in sorted(packages.items()):
        lines.append(f"| {name} | {', '.join(package.licences) or 'see its copyright file'} |")
    return "\n".join(lines) + "\n"


def _table(*header: str) -> list[str]:
    return [f"| {' | '.join(header)} |", "|" + "---|" * len(header)]


def _users(contents: Sequence[Contents], rules: Rules) -> dict[str, int]:
    """How many distributions and components name each licence, each once whatever the images."""
    named = {
        (one.normalized, one.version, rules.licence(one))
        for image in contents
        for one in image.distributions
    } | {
        (part.name, part.version, part.licence)
        for image in contents
        for one in image.distributions
        for part in one.components
    }
    counts: dict[str, int] = {}
    for _, _, expression in named:
        for licence in identifiers(expression):
            counts[licence] = counts.get(licence, 0) + 1
    return counts


def _inside(parts: list[tuple[str, str]]) -> str:
    if not parts:
        return ""
    licences = sorted({licence for _, licence in parts if licence})
    silent = sorted({name for name, licence in parts if not licence})
    said = [f"{len(parts) - len(silent)} under {', '.join(f'`{one}`' for one in licences)}"]
    said = said if licences else []
    if silent:
        said.append(f"without a word on their licences: {', '.join(silent)}")
    return "; ".join(said)


def differs(text: str, page: Path = PAGE) -> bool:
    """Whether the page says anything else."""
    return not page.is_file() or page.read_text() != text
