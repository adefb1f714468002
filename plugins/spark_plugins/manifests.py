"""The Plugin objects of the bundled plugins, written from their pydantic models.

`python -m spark_plugins.manifests --check` fails when the files differ from the code.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from spark_plugins.contract import Plugin
from spark_plugins.rest import Rest
from spark_plugins.rss import Rss

BUNDLED: tuple[Any, ...] = (Rest, Rss)
DEFAULT_OUT = Path(__file__).parents[2] / "charts" / "spark-integrations" / "files" / "plugins"
HEADER = "# Written by `python -m spark_plugins.manifests` from the plugin's code: change that.\n"


class _Plain(GenerateJsonSchema):
    """Without what is no JSON Schema (`discriminator`) or says nothing (`title`)."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False

    def tagged_union_schema(self, schema: Any) -> JsonSchemaValue:
        plain = super().tagged_union_schema(schema)
        plain.pop("discriminator", None)
        return plain


def config_schema(model: type[BaseModel]) -> dict[str, Any]:
    """JSON Schema (2020-12) of `spec.config`; every `$ref` is local."""
    schema = model.model_json_schema(by_alias=True, schema_generator=_Plain)
    _drop_model_titles(schema)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _drop_model_titles(schema: dict[str, Any]) -> None:
    for node in (schema, *schema.get("$defs", {}).values()):
        node.pop("title", None)


def manifest(plugin: Plugin) -> dict[str, Any]:
    """The Plugin object of a plugin, as plain data."""
    fields = cast(type[BaseModel], plugin.Credentials).model_fields
    spec: dict[str, Any] = {
        "title": plugin.title,
        "description": plugin.description,
        "defaultUpdateFrequencyMinutes": plugin.default_update_frequency_minutes,
        "minUpdateFrequencyMinutes": plugin.min_update_frequency_minutes,
        "maxConcurrentFetches": plugin.max_concurrent_fetches,
    }
    if getattr(plugin, "writes_credentials", False):
        spec["writesCredentials"] = True
    if fields:
        spec["credentials"] = [
            {"name": name, "required": field.is_required(), "description": field.description or ""}
            for name, field in fields.items()
        ]
    spec["configSchema"] = config_schema(cast(type[BaseModel], plugin.Config))
    return {
        "apiVersion": "spark-integrations.dev/v1",
        "kind": "Plugin",
        "metadata": {"name": plugin.name},
        "spec": spec,
    }


def render(plugin: Plugin) -> str:
    """The file's text."""
    return HEADER + yaml.safe_dump(manifest(plugin), sort_keys=False, width=100, allow_unicode=True)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m spark_plugins.manifests", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail on a difference")
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT, help="folder of the files")
    arguments = parser.parse_args(argv)
    stale = 0
    for plugin in BUNDLED:
        path: Path = arguments.out / f"{plugin.name}.yaml"
        text = render(plugin())
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        if arguments.check:
            print(f"{path} differs from the code: run python -m spark_plugins.manifests")
            stale = 1
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path}")
    return stale


if __name__ == "__main__":
    sys.exit(main())
