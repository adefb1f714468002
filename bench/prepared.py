"""Requests that are made beforehand, so that making them is not measured."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

Prepared = tuple[str, str, str, str]
"""Method, path, content type, body."""


def create(collection: str, body: dict[str, Any]) -> Prepared:
    return "POST", collection, "application/json", json.dumps(body)


def merge(path: str, body: dict[str, Any]) -> Prepared:
    return "PATCH", path, "application/merge-patch+json", json.dumps(body)


def write(path: Path, lines: Iterable[list[Prepared]]) -> None:
    """What one worker sends in turn, a line each."""
    with path.open("w") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)


def read(path: Path) -> Iterator[list[Prepared]]:
    with path.open() as file:
        for line in file:
            yield [(method, at, kind, body) for method, at, kind, body in json.loads(line)]
