"""The commands of docs/kubectl-spark.md: run in their order, and their output written into the page.

``python -m pytest tests/cli/test_page.py`` compares; with ``WRITE_PAGE=1`` in the environment it writes.
"""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "kubectl-spark.md"
_BLOCK = re.compile(r"^```console\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)


def commands(text: str) -> list[str]:
    """Every command of the page, in its order."""
    return [c for c, _ in shown(text)]


def shown(text: str) -> list[tuple[str, str]]:
    """Every command with the output that stands under it."""
    found: list[tuple[str, str]] = []
    for block in _BLOCK.findall(text):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


def written(text: str, outputs: list[str]) -> str:
    """The page with these outputs under its commands."""
    left = iter(outputs)

    def block(match: re.Match[str]) -> str:
        listed = re.findall(r"^\$ (.*)$", match.group(1), flags=re.MULTILINE)
        body = "".join(f"$ {command}\n{next(left)}" for command in listed)
        return f"```console\n{body}```"

    return _BLOCK.sub(block, text)


def _coming(match: re.Match[str]) -> str:
    units = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
    parts = re.findall(r"(\d+)([dhms])", match.group(1) or "")
    seconds = sum(int(number) * units[unit] for number, unit in parts)
    if seconds < 120:
        return "SOON"
    return "WITHIN THE HALF HOUR" if seconds <= 1800 else "LATER"


def alike(output: str) -> str:
    """Without what another run has otherwise: times, hashes, ports, the columns that follow from their
    lengths; of what is to come it is kept whether it comes soon, within the half hour or later."""
    output = re.sub(r"\bin ((?:\d+[dhms])+)|\bnow\b", _coming, output)
    for pattern, stands_for in (
        (r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z(-[0-9a-f]{6})?", "TIME"),
        (r"-[0-9a-f]{8}-(\d+)", r"-HASH-\1"),
        (r"\b(?=\d)(\d+d)?(\d+h)?(\d+m)?(\d+s)?(?<=[dhms])\b", "AGE"),
        (r"\S+_[0-9a-f]{8} leads", "HOLDER leads"),
        (r"127\.0\.0\.1:\d+", "HOST"),
        (r"v1\.\d+\.\d+", "VERSION"),
        (r"\s{2,}", "  "),
    ):
        output = re.sub(pattern, stands_for, output)
    return output
