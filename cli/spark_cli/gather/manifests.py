"""Manifests: files of the user, and those that come with this package."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from spark_cli.exits import Failure
from spark_operator.model import fields

BUNDLED = Path(__file__).parents[1] / "bundled"
_ENDINGS = (".yaml", ".yml", ".json")


class _Loader(yaml.SafeLoader):
    """As kubectl reads YAML, for which a date without quotes is a text: JSON knows no dates."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if tag != "tag:yaml.org,2002:timestamp"]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class Document:
    """One object, and where it stands: ``file.yaml`` or ``file.yaml[2]`` for the second."""

    def __init__(self, place: str, body: dict[str, Any]) -> None:
        self.place, self.body = place, body

    @property
    def kind(self) -> str:
        return fields.text(self.body.get("kind"))

    @property
    def group(self) -> str:
        return fields.text(self.body.get("apiVersion")).partition("/")[0]

    @property
    def version(self) -> str:
        return fields.text(self.body.get("apiVersion")).rpartition("/")[2]

    @property
    def name(self) -> str:
        return fields.text(fields.mapping(self.body.get("metadata")).get("name"))


def read(path: str) -> list[Document]:
    """The objects of a file, of all files of a folder, or of standard input (``-``); Lists opened.

    Raises Failure for what cannot be read or is no YAML.
    """
    if path == "-":
        return _parse("-", sys.stdin.read())
    place = Path(path)
    if place.is_dir():
        files = sorted(p for p in place.rglob("*") if p.suffix in _ENDINGS and p.is_file())
        if not files:
            raise Failure(f"there is no file of {', '.join(_ENDINGS)} in {path}")
        return [document for file in files for document in read(str(file))]
    try:
        return _parse(path, place.read_text(encoding="utf-8"))
    except OSError as error:
        raise Failure(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Failure(f"{path} is not UTF-8 text") from None


def _parse(path: str, text: str) -> list[Document]:
    try:
        # Its base is SafeLoader, which makes plain values alone.
        loaded = yaml.load_all(text, Loader=_Loader)
        bodies = [body for body in loaded if body is not None]
    except yaml.YAMLError as error:
        # The place alone: its words may repeat a line of a Secret.
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        raise Failure(f"{path}{where}: this is no YAML") from None
    opened = [item for body in bodies for item in _opened(body)]
    if not all(isinstance(body, dict) for body in opened):
        raise Failure(f"{path}: a document that is no object")
    if len(opened) == 1:
        return [Document(path, opened[0])]
    return [Document(f"{path}[{number}]", body) for number, body in enumerate(opened, 1)]


def _opened(body: Any) -> Iterator[Any]:
    if isinstance(body, dict) and body.get("kind") == "List":
        yield from fields.items(body.get("items"))
    else:
        yield body


def bundled_crds() -> dict[str, dict[str, Any]]:
    """The CRDs of this version, by kind."""
    found = [document.body for document in read(str(BUNDLED / "crds"))]
    return {crd["spec"]["names"]["kind"]: crd for crd in found}


def bundled_plugins() -> list[dict[str, Any]]:
    """The Plugins that the chart of this version installs."""
    return [document.body for document in read(str(BUNDLED / "plugins"))]
