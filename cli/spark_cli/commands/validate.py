"""``validate``: manifests against the CRDs and the schema of their service."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from spark_cli.commands.options import Access, connected, output
from spark_cli.decide import crd, manifests
from spark_cli.exits import Exit, Failure
from spark_cli.gather import facts as gathering
from spark_cli.gather import kinds
from spark_cli.gather import manifests as files
from spark_cli.gather.cluster import ApiFailure
from spark_cli.gather.manifests import Document
from spark_cli.show import output as outputs
from spark_operator.model import fields, names
from spark_operator.model import plugin as plugins
from spark_operator.model.plugin import Plugin
from spark_operator.model.result import clean

_KINDS = {"Integration": kinds.INTEGRATION, "Plugin": kinds.PLUGIN, "Scheduler": kinds.SCHEDULER}


@click.command("validate")
@click.argument(
    "paths", nargs=-1, required=True, metavar="FILE...", type=click.Path(allow_dash=True)
)
@click.option(
    "--offline", is_flag=True, help="ask no cluster: the CRDs and Plugins of this version count"
)
@output("json", "yaml")
@connected
def validate_command(access: Access, paths: Sequence[str], offline: bool, form: str | None) -> int:
    """Check manifests without applying them.

    FILE is a file, a folder or - for standard input.     With a cluster its API server judges (a dry run), with its Plugins; then the rules of the operator.
    Plugins among the files count before those of the cluster. Exits with 1 where something is wrong.
    """
    documents = [document for path in paths for document in files.read(path)]
    ours = [d for d in documents if d.group == names.GROUP and d.kind in _KINDS]
    known = _plugins(None if offline else access, ours)
    served = None if offline else access
    results = [(document, _problems(served, document, known)) for document in ours]
    others = len(documents) - len(ours)
    if form is not None:
        outputs.document(
            [{"file": d.place, "kind": d.kind, "name": d.name, "problems": p} for d, p in results],
            form,
        )
    else:
        for document, problems in results:
            label = f"{document.place}: {document.kind} {clean(document.name, 253) or '(no name)'}"
            click.echo(f"{label}: {'ok' if not problems else 'invalid'}")
            for problem in problems:
                click.echo(f"  {problem}")
        if others:
            click.echo(f"note: {others} of other kinds were not looked at", err=True)
    if not ours:
        raise Failure(f"there is no Integration, Plugin or Scheduler in {', '.join(paths)}")
    return Exit.FAILED if any(problems for _, problems in results) else Exit.OK


def _plugins(access: Access | None, ours: Sequence[Document]) -> Mapping[str, Plugin]:
    bodies = files.bundled_plugins() if access is None else _of_cluster(access)
    bodies = [*bodies, *(d.body for d in ours if d.kind == "Plugin")]
    return {p.name: p for p in map(plugins.parse, bodies)}


def _of_cluster(access: Access) -> list[dict[str, Any]]:
    nothing: list[dict[str, Any]] | None = None
    found = gathering.if_allowed(lambda: access.cluster.list(kinds.PLUGIN, None), nothing)
    if found is None:
        click.echo("note: you may not list Plugins: those of this version count", err=True)
        return files.bundled_plugins()
    return found


def _problems(access: Access | None, document: Document, known: Mapping[str, Plugin]) -> list[str]:
    found = _of_crd(document) if access is None else _of_server(access, document)
    if found:
        return found
    if document.kind == "Integration":
        return manifests.integration(document.body, known)
    return manifests.plugin(document.body) if document.kind == "Plugin" else []


def _of_crd(document: Document) -> list[str]:
    try:
        schema = crd.schema_of(files.bundled_crds()[document.kind], document.version)
    except KeyError:
        return [f"apiVersion: {names.GROUP} has no version {clean(document.version, 40)}"]
    return crd.problems(document.body, schema)


def _of_server(access: Access, document: Document) -> list[str]:
    """A dry run of what kubectl apply --server-side would send: its schema, its rules, its webhooks."""
    kind = _KINDS[document.kind]
    metadata = fields.mapping(document.body.get("metadata"))
    if not document.name:
        return ["metadata.name: is required"]
    if not kinds.is_name(document.name):
        said = "are lower case letters and digits, with - and . between them"
        return [f'metadata.name: "{clean(document.name, 63)}" can be none: names {said}']
    namespace = fields.text(metadata.get("namespace")) or access.cluster.namespace
    if not kinds.is_namespace(namespace):
        return [f'metadata.namespace: "{clean(namespace, 63)}" can be the name of no namespace']
    # The server's own records of the object, as kubectl get gives them, are no part of a manifest.
    kept = {
        k: v for k, v in metadata.items() if k not in ("managedFields", "resourceVersion", "uid")
    }
    body: dict[str, Any] = {**document.body, "metadata": kept}
    params = {
        "dryRun": "All",
        "fieldValidation": "Strict",
        "fieldManager": "kubectl-spark-validate",
        # Whose field it is matters to who applies, not to whether it is valid.
        "force": "true",
    }
    try:
        access.cluster.send(
            "PATCH",
            kind.path(namespace if kind.namespaced else None, document.name),
            params=params,
            body=body,
            content_type="application/apply-patch+yaml",
        )
    except ApiFailure as error:
        if error.status in (400, 409, 422, 500):
            return [error.message]
        if error.not_found:
            return [f"{error.message} (namespace {namespace}, {kind.resource})"]
        raise
    return []
