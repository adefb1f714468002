"""Where the version of the project is written. A release goes out when all of these places agree."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from dev import paths
from dev.errors import RefusalError

_CHART = "charts/spark-integrations"
_IMAGE = r"(?:operator|runner):(\d[^\s`]*)"


@dataclass(frozen=True)
class Place:
    """A file, and the lines in it that name the version: group 1 of the pattern, in each match."""

    path: str
    pattern: str


WRITTEN = (
    Place("pyproject.toml", r'^version = "(.*)"$'),
    Place("Dockerfile", r"^ARG VERSION=(.*)$"),
    Place(f"{_CHART}/Chart.yaml", r'^version: "?([^"\n]*)"?$'),
    Place(f"{_CHART}/Chart.yaml", r'^appVersion: "?([^"\n]*)"?$'),
    Place(f"{_CHART}/Chart.yaml", rf"^ +image: \S+/{_IMAGE}$"),
    Place("cli/krew/spark.yaml", r"^  version: v(.*)$"),
    Place("cli/krew/spark.yaml", r"^ +uri: \S+/v([^/\s]*)/"),
    Place("docs/getting-started.md", _IMAGE),
    Place("docs/releasing.md", r"^REPOSITORY=\S+ VERSION=(.*)$"),
    Place("docs/example-plugin/Dockerfile", _IMAGE),
    Place("docs/example-plugin/README.md", _IMAGE),
)
"""What a person sets."""

RENDERED = (
    Place(f"{_CHART}/README.md", r" Chart (\S+), for Kubernetes "),
    Place("manifests/install.yaml", r'^ +app\.kubernetes\.io/version: "?([^"\n]*)"?$'),
    Place("manifests/install.yaml", rf"/{_IMAGE}$"),
)
"""What `make manifests` makes of the chart."""


@dataclass(frozen=True)
class Mention:
    """``line`` is counted from 1."""

    path: str
    line: int
    version: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.version}"


def everywhere(root: Path = paths.ROOT) -> list[Mention]:
    """Each mention of the version in these places.

    Raises RefusalError where a file has nothing any more that a place looks for.
    """
    found: list[Mention] = []
    for place in (*WRITTEN, *RENDERED):
        text = (root / place.path).read_text()
        before = len(found)
        for match in re.finditer(place.pattern, text, re.MULTILINE):
            line = 1 + text.count("\n", 0, match.start(1))
            found.append(Mention(place.path, line, match[1]))
        if len(found) == before:
            raise RefusalError(
                f"{place.path}: nothing in it is like `{place.pattern}`, by which dev/versions.py finds the version"
            )
    return found


def current(root: Path = paths.ROOT) -> str:
    """The version in pyproject.toml, to which the others are held."""
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    return str(project["version"])
