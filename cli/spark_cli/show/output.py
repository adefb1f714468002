"""What ``-o`` chooses: a document or names in the place of a table."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import click
import yaml


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
