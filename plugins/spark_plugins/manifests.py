"""The Plugin objects of plugins, written from their pydantic models.

`python -m spark_plugins.manifests --check` fails when the files of the bundled ones differ from the
code; `--service NAME --image IMAGE` prints the object of an installed plugin with its own image.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from spark_plugins import registry
from spark_plugins.contract import Plugin
from spark_plugins.github import GitHub
from spark_plugins.ical import Ical
from spark_plugins.open_meteo import OpenMeteo
from spark_plugins.rest import Rest
from spark_plugins.rss import Rss
from spark_plugins.spotify import Spotify

BUNDLED: tuple[Any, ...] = (GitHub, Ical, OpenMeteo, Rest, Rss, Spotify)
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


def manifest(plugin: Plugin, image: str | None = None) -> dict[str, Any]:
    """The Plugin object of a plugin, as plain data. Without `image` it runs in the runner's."""
    fields = cast(type[BaseModel], plugin.Credentials).model_fields
    spec: dict[str, Any] = {
        "title": plugin.title,
        "description": plugin.description,
        **({"image": image} if image else {}),
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


def render(plugin: Plugin, image: str | None = None) -> str:
    """The file's text."""
    body = manifest(plugin, image)
    return HEADER + yaml.safe_dump(body, sort_keys=False, width=100, allow_unicode=True)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m spark_plugins.manifests", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail on a difference")
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT, help="folder of the files")
    parser.add_argument("--service", help="print the object of this installed plugin, no more")
    parser.add_argument("--image", help="the image that the object names")
    arguments = parser.parse_args(argv)
    if arguments.service:
        print(render(registry.load(arguments.service), arguments.image), end="")
        return 0
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
