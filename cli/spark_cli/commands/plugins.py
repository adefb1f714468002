"""``plugins`` and ``plugin``: which services there are, and what each expects."""

from collections.abc import Mapping
from typing import Any

import click

from spark_cli.commands.options import Access, PluginName, connected, output
from spark_cli.decide import schema
from spark_cli.exits import Failure
from spark_cli.gather import facts as gathering
from spark_cli.gather import kinds
from spark_cli.show import detail, table
from spark_cli.show import output as outputs
from spark_operator.model import fields
from spark_operator.model import plugin as model


@click.command("plugins")
@output("json", "yaml", "wide", "name")
@connected
def plugins_command(access: Access, form: str | None) -> int:
    """List the services that can be fetched."""
    bodies = gathering.plugin_bodies(access.cluster)
    if form in ("json", "yaml"):
        outputs.objects(bodies, form)
    elif form == "name":
        outputs.names(kinds.PLUGIN.resource, (b["metadata"]["name"] for b in bodies))
    elif not bodies:
        click.echo("There are no plugins: the chart installs those of the project.", err=True)
    else:
        columns = ["NAME", "TITLE", "EVERY", "AT LEAST", "AT ONCE", "CREDENTIALS"]
        rows = [_row(body, wide=form == "wide") for body in bodies]
        table.show([*columns, "IMAGE"] if form == "wide" else columns, rows)
    return 0


def _row(body: Mapping[str, Any], *, wide: bool) -> list[object]:
    plugin = model.parse(body)
    keys = ", ".join(k.name if k.required else f"[{k.name}]" for k in plugin.credentials)
    row: list[object] = [
        plugin.name,
        fields.text(fields.mapping(body.get("spec")).get("title")),
        f"{plugin.default_update_frequency_minutes} min",
        f"{plugin.min_update_frequency_minutes} min",
        plugin.max_concurrent_fetches,
        keys or "none",
    ]
    return [*row, plugin.image or "the runner's"] if wide else row


@click.command("plugin")
@click.argument("name", type=PluginName())
@output("json", "yaml")
@connected
def plugin_command(access: Access, name: str, form: str | None) -> int:
    """Tell what a service expects.

    Its settings and the keys of its Secret.
    """
    body = access.cluster.find(kinds.PLUGIN, name)
    if body is None:
        known = ", ".join(b["metadata"]["name"] for b in gathering.plugin_bodies(access.cluster))
        raise Failure(f'there is no plugin "{name}"; there are: {known or "none"}')
    if form is not None:
        outputs.objects([body], form, single=True)
        return 0
    _tell(body)
    return 0


def _tell(body: Mapping[str, Any]) -> None:
    plugin, spec = model.parse(body), fields.mapping(body.get("spec"))
    detail.pairs(
        [
            ("Name", plugin.name),
            ("Title", fields.text(spec.get("title"))),
            ("About", fields.text(spec.get("description"))),
            ("Every", f"{plugin.default_update_frequency_minutes} minutes by default"),
            ("At least", f"{plugin.min_update_frequency_minutes} minutes"),
            ("At once", f"{plugin.max_concurrent_fetches} fetches"),
            ("Image", plugin.image or "the runner's"),
        ]
    )
    print("\nSettings (spec.config)")
    rows = [
        (f.path, f.type, "required" if f.required else f.default, f.description)
        for f in schema.settings(plugin.config_schema)
    ]
    for line in table.lines(("NAME", "TYPE", "DEFAULT", "ABOUT"), rows) if rows else ["none"]:
        print(f"  {line}")
    print("\nKeys of its Secret (spec.credentialsSecretName)")
    keys = [
        (
            fields.text(key.get("name")),
            "no" if key.get("required") is False else "yes",
            fields.text(key.get("description")),
        )
        for key in map(fields.mapping, fields.items(spec.get("credentials")))
    ]
    for line in table.lines(("KEY", "REQUIRED", "ABOUT"), keys) if keys else ["none"]:
        print(f"  {line}")
