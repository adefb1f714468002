"""The pages of the documentation: their blocks, tables and links, as a reader finds them.

What the languages of blocks mean is said in CONTRIBUTING.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"^# ([\w-]+\.yaml)$")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"`[^`\n]+`")


@dataclass(frozen=True)
class Block:
    """``line`` is that of the first line of the text, counted from 1."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        name = self.page.relative_to(ROOT) if self.page.is_relative_to(ROOT) else self.page.name
        return f"{name}:{self.line}"

    @property
    def file_name(self) -> str | None:
        """Under which name the reader is to save it; None where the first line names none."""
        first = _FILE.match(self.text.partition("\n")[0])
        return first[1] if first else None


def pages() -> list[Path]:
    """Everything under docs/, in a fixed order."""
    return sorted(DOCS.rglob("*.md"))


def blocks(page: Path, language: str | None = None) -> list[Block]:
    """The fenced blocks of a page, in its order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, found.start(2)) + 1, found[1], found[2])
        for found in _BLOCK.finditer(text)
        if language in (None, found[1])
    ]


def _prose(page: Path) -> str:
    return _BLOCK.sub("", page.read_text(encoding="utf-8"))


def rows(page: Path) -> list[tuple[str, ...]]:
    """The rows of all tables of a page, their cells stripped; without the rules below the headers."""
    return [row for table in tables(page) for row in table]


def tables(page: Path) -> list[list[tuple[str, ...]]]:
    """Each table of a page; its first row is the header."""
    found: list[list[tuple[str, ...]]] = []
    within = False
    for line in _prose(page).splitlines():
        if not line.startswith("|"):
            within = False
            continue
        if not within:
            found.append([])
        within = True
        # A bar within code would end the cell on GitHub, too, unless it is escaped.
        cells = tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|\n ")))
        if not all(set(cell) <= {"-", ":"} and cell for cell in cells):
            found[-1].append(cells)
    return found


def links(page: Path) -> list[str]:
    """Where the links of a page lead, those within the repository."""
    text = _CODE.sub("", _prose(page))
    return [to for to in _LINK.findall(text) if not re.match(r"[a-z]+:", to)]


def anchors(page: Path) -> set[str]:
    """The names by which GitHub lets a link lead to a heading."""
    return set(_anchors(page))


def _anchors(page: Path) -> Iterator[str]:
    for heading in re.findall(r"^#+ (.*)$", _prose(page), flags=re.MULTILINE):
        plain = re.sub(r"[^\w\- ]", "", heading.strip().lower())
        yield plain.replace(" ", "-")
