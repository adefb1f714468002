"""What ``-o`` chooses: a document or names in the place of a table."""

import io
import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import click
import yaml


class _Lasting(io.FileIO):
    """A stream whose reader may go away: what is written then is lost, and nothing else."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data) or 0
        except BrokenPipeError:
            return len(data)


def outlast_reader() -> None:
    """From now on a reader that has enough (``| head -1``) ends nothing: for commands that change the
    cluster, which would else stop halfway, and say nothing of what they have not done."""
    if sys.stdout is sys.__stdout__:
        sys.stdout = _lasting(sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _lasting(sys.stderr)


def _lasting(stream: Any) -> io.TextIOWrapper:
    stream.flush()
    raw = _Lasting(stream.fileno(), "w", closefd=False)
    # Line by line, as nobody may be left to flush what was written last.
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding=stream.encoding, errors=stream.errors, line_buffering=True
    )


class _Dumper(yaml.SafeDumper):
    """Without anchors: kubectl reads them, people do not."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def document(value: Any, form: str) -> None:
    """``json`` or ``yaml``."""
    if form == "json":
        click.echo(json.dumps(value, indent=2, ensure_ascii=False))
    else:
        text = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)
        click.echo(text, nl=False)


def objects(bodies: Iterable[Mapping[str, Any]], form: str, *, single: bool = False) -> None:
    """Objects of the cluster as kubectl gives them: one as it is, several as a List."""
    items = [_shown(body) for body in bodies]
    if single and len(items) == 1:
        document(items[0], form)
    else:
        document({"apiVersion": "v1", "kind": "List", "items": items}, form)


def _shown(body: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {k: v for k, v in body["metadata"].items() if k != "managedFields"}
    return {**body, "metadata": metadata}


def names(resource: str, found: Iterable[str]) -> None:
    """``-o name``: one ``resource/name`` a line."""
    singular, _, group = resource.partition(".")
    kind = f"{singular.removesuffix('s')}.{group}" if group else singular.removesuffix("s")
    for name in found:
        click.echo(f"{kind}/{name}")


def without_nothing(value: Mapping[str, Any]) -> dict[str, Any]:
    """Absent fields are absent, as in the API."""
    return {key: item for key, item in value.items() if item is not None and item != ""}
