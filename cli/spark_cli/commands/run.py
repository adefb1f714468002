"""``run``: one fetch on this machine, into a DuckDB file."""

import importlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from spark_cli.act import local_fetch
from spark_cli.commands.options import Access, IntegrationName, connected
from spark_cli.exits import Exit, Failure, MissingExtra
from spark_cli.gather import credentials_of, kinds
from spark_cli.gather import manifests as files
from spark_operator.model import destination as destinations
from spark_operator.model import fetch_document, fields, names
from spark_operator.model import integration as integrations
from spark_operator.model import plugin as plugins
from spark_operator.model.destination import Destination
from spark_operator.model.integration import Integration
from spark_operator.model.plugin import Plugin
from spark_operator.model.status import Run, Trigger


@click.command("run")
@click.argument("path", required=False, metavar="[FILE]", type=click.Path(allow_dash=True))
@click.option(
    "--name", type=IntegrationName(), help="this Integration: of the file, else of the cluster"
)
@click.option("--dry-run", is_flag=True, help="print the records as JSON lines, load nothing")
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=10,
    show_default=True,
    help="with --dry-run: so many records of each resource",
)
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False),
    default=".",
    show_default=True,
    help="the folder for the DuckDB file",
)
@click.option(
    "--credentials",
    "credentials_path",
    type=click.Path(exists=True),
    help="a Secret, YAML of keys and values, or a folder with a file a key (default: a Secret of FILE, "
    "else the cluster's)",
)
@click.option(
    "--spend-token",
    is_flag=True,
    help="also where a token of the Secret is good for one use, and the new one would be lost",
)
@connected
def run_command(
    access: Access,
    path: str | None,
    name: str | None,
    dry_run: bool,
    limit: int,
    folder: str,
    credentials_path: str | None,
    spend_token: bool,
) -> int:
    """Fetch once on this machine.

    With the plugin that is installed here, into a local DuckDB file. What to fetch is in FILE (the manifest of an Integration), or in the cluster with --name. The
    cluster is not changed, its destination not touched. A second run goes on where the first ended.
    """
    if path is None and name is None:
        raise click.UsageError("name a FILE, or an Integration of the cluster with --name")
    documents = files.read(path) if path is not None else []
    integration = (
        _of_file(access, documents, path, name) if path is not None else _of_cluster(access, name)
    )
    plugin = _installed(integration.spec.service)
    credentials = _credentials(
        access, integration, plugin, documents, credentials_path, spend_token=spend_token
    )
    data = Path(folder)
    data.mkdir(parents=True, exist_ok=True)
    dataset = integration.spec.destination.dataset if integration.spec.destination else None
    target = Destination(destinations.DUCKDB, dataset=dataset)
    document = fetch_document.document(
        integration,
        replace(plugin, writes_credentials=False),
        target,
        Run(1, 1, Trigger.REQUESTED, None, "", None),
    )
    ended = local_fetch.run(document, credentials, data, limit if dry_run else None)
    if ended.code:
        said = ended.message or f"it ended with code {ended.code}"
        raise Failure(f"the fetch failed: {said}")
    if not dry_run:
        file = data / f"{document['destination']['dataset']}.duckdb"
        rows = ended.rows or 0
        warning = f" {ended.message}" if ended.message else ""
        click.echo(f"{rows} row{'s' * (rows != 1)} loaded into {file}.{warning}")
    return Exit.OK


def _of_file(
    access: Access, documents: list[files.Document], path: str, name: str | None
) -> Integration:
    found = [
        d
        for d in documents
        if d.kind == "Integration" and d.group == names.GROUP and name in (None, d.name)
    ]
    if not found:
        raise Failure(f"there is no Integration{f' {name}' if name else ''} in {path}")
    if len(found) > 1:
        told = ", ".join(d.name for d in found)
        raise Failure(f"there are several Integrations in {path}: say --name, one of {told}")
    body = found[0].body
    metadata = fields.mapping(body.get("metadata"))
    if not metadata.get("namespace"):
        body = {**body, "metadata": {**metadata, "namespace": _namespace(access)}}
    return integrations.parse(body)


def _namespace(access: Access) -> str:
    """The chosen one; a kubeconfig is not needed for a file that needs no cluster."""
    try:
        return access.cluster.namespace
    except Failure:
        return access.namespace or "default"


def _of_cluster(access: Access, name: str | None) -> Integration:
    body = access.cluster.find(kinds.INTEGRATION, name or "")
    if body is None:
        raise Failure(f'there is no integration "{name}" in namespace "{access.cluster.namespace}"')
    return integrations.parse(body)


def _installed(service: str) -> Plugin:
    """The rules of the plugin that is installed here. Raises Failure, MissingExtra."""
    try:
        # The fetch itself imports it in its own process, where its absence would say less.
        importlib.import_module("dlt")
        from spark_plugins import manifests, registry
        from spark_plugins.errors import PermanentError
    except ImportError as error:
        raise MissingExtra("run", "cli,runner", error) from error
    try:
        body: Mapping[str, Any] = manifests.manifest(registry.load(service))
    except PermanentError:
        known = ", ".join(registry.names()) or "none"
        raise Failure(
            f'no plugin "{service}" is installed here; there are: {known}. One of your own is '
            "installed with pip, as docs/writing-a-plugin.md says"
        ) from None
    return plugins.parse(body)


def _credentials(
    access: Access,
    integration: Integration,
    plugin: Plugin,
    documents: list[files.Document],
    path: str | None,
    *,
    spend_token: bool,
) -> dict[str, bytes]:
    keys = [key.name for key in plugin.credentials]
    secret = integration.spec.credentials_secret_name
    if path is not None:
        return credentials_of.of_path(path, keys)
    if not keys or secret is None:
        return {}
    for document in documents:
        if document.kind == "Secret" and document.name == secret:
            return credentials_of.of_secret(document.body, keys, document.place)
    if integration.spec.credentials_write_back and not spend_token:
        raise Failure(
            "its tokens are good for one use (credentialsWriteBack): a fetch here would use up the one "
            "in the Secret and lose the new one. Give others with --credentials FILE, or say "
            "--spend-token"
        )
    return credentials_of.of_cluster(access.cluster, integration.namespace, secret, keys)
