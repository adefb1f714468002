"""``list`` and ``status``."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

import click

from spark_cli.commands.options import Access, Choice, choosing, connected, output
from spark_cli.decide import state
from spark_cli.exits import Exit
from spark_cli.gather import facts as gathering
from spark_cli.gather import kinds
from spark_cli.gather.follow import Follower
from spark_cli.gather.liveness import Liveness
from spark_cli.gather.parsed import Parsed
from spark_cli.show import detail, live, table
from spark_cli.show import output as outputs
from spark_cli.show.times import ago, ahead
from spark_operator.model import integration as integrations
from spark_operator.model import plugin as plugins
from spark_operator.model import scheduler as schedulers
from spark_operator.model.integration import Integration

COLUMNS = ("NAME", "SERVICE", "STATE", "LAST SUCCESS", "NEXT", "ROWS", "WHY")
WIDE = ("NAME", "SERVICE", "STATE", "LAST SUCCESS", "NEXT", "ROWS", "FAILURES", "MESSAGE")


@click.command("list")
@choosing(everything=False)
@click.option("-w", "--watch", is_flag=True, help="go on, and show what changes")
@output("json", "yaml", "wide", "name")
@connected
def list_command(access: Access, choice: Choice, form: str | None, watch: bool) -> int:
    """List Integrations and how each is.

    State, last success, next fetch, rows of the latest fetch, and why one is not running.
    """
    return _list(access, choice, form, watch=watch)


@click.command("status")
@choosing(everything=False)
@click.option("-w", "--watch", is_flag=True, help="go on, and show what changes")
@output("json", "yaml", "wide", "name")
@connected
def status_command(access: Access, choice: Choice, form: str | None, watch: bool) -> int:
    """Everything about the Integrations that are named.

    Without a name it is list.
    """
    if choice.named and form is None and not watch:
        return _details(access, choice)
    return _list(access, choice, form, watch=watch)


def _list(access: Access, choice: Choice, form: str | None, *, watch: bool) -> int:
    if watch and form in ("json", "yaml", "name"):
        raise click.UsageError(f"--watch and -o {form} exclude each other")
    found = access.find(choice)
    if form in ("json", "yaml"):
        outputs.objects(found.bodies, form, single=len(choice.names) == 1)
    elif form == "name":
        outputs.names(kinds.INTEGRATION.resource, (b["metadata"]["name"] for b in found.bodies))
    elif watch:
        _watch(access, choice, wide=form == "wide")
    elif found.bodies or not choice.named:
        show(access, found.integrations, wide=form == "wide")
        _warn(access)
    return _missing(found)


def _missing(found: gathering.Found) -> int:
    for line in found.missing:
        click.echo(f"error: {line}", err=True)
    return Exit.FAILED if found.missing else Exit.OK


def show(access: Access, found: Sequence[Integration], *, wide: bool = False) -> None:
    """The table of ``list``."""
    if not found:
        where = "any namespace" if access.cluster.everywhere else f'"{access.cluster.namespace}"'
        click.echo(f"No integrations found in {where}.", err=True)
        return
    everywhere = access.cluster.everywhere
    rows = [row(i, access.cluster.now(), everywhere=everywhere, wide=wide) for i in found]
    table.show(columns(everywhere=everywhere, wide=wide), rows)


def columns(*, everywhere: bool, wide: bool) -> tuple[str, ...]:
    """Of the table of ``list``."""
    chosen = WIDE if wide else COLUMNS
    return ("NAMESPACE", *chosen) if everywhere else chosen


def row(
    integration: Integration, now: datetime, *, everywhere: bool, wide: bool
) -> tuple[object, ...]:
    """One line of the table of ``list``."""
    line = state.line(integration)
    rows = "" if line.rows is None else line.rows
    start = (line.namespace,) if everywhere else ()
    common = (line.name, line.service, line.state, ago(line.last, now), ahead(line.next, now), rows)
    end: tuple[object, ...] = (line.failures, line.message) if wide else (line.why,)
    return (*start, *common, *end)


def _warn(access: Access) -> None:
    """A line where the states may be old: nobody else would say so."""
    body, note = gathering.scheduler_body(access.cluster, access.scheduler)
    if note:
        # Not to be seen is no trouble, and of several none is certainly this one's.
        return
    said = state.silence(
        schedulers.parse(body) if body else None,
        gathering.checked_at(body),
        access.cluster.now(),
    )
    if said:
        click.echo(f"warning: {said}", err=True)


def _watch(access: Access, choice: Choice, *, wide: bool) -> None:
    cluster = access.cluster
    follower = Follower(cluster, kinds.INTEGRATION, cluster.scope, selector=choice.selector)
    liveness = Liveness(cluster, access.scheduler)
    parsed = Parsed()
    known: list[Integration] = []
    with live.Rows(columns(everywhere=cluster.everywhere, wide=wide)) as view:
        for change in follower.changes(1.0):
            if change.objects is not None:
                parsed.update(change.objects)
                meant = (i for i in parsed.all() if _meant(i, choice))
                known = sorted(meant, key=lambda i: i.key)
            now = cluster.now()
            view.update(
                {i.uid: row(i, now, everywhere=cluster.everywhere, wide=wide) for i in known},
                versions={i.uid: i.resource_version for i in known},
                urgent={i.uid for i in known if state.failing(i)},
                trouble=change.trouble,
                silence=liveness.silence(now),
            )


def _meant(integration: Integration, choice: Choice) -> bool:
    named = not choice.names or integration.name in choice.names
    return named and (choice.service is None or integration.spec.service == choice.service)


def _events(access: Access, integration: Integration) -> list[dict[str, Any]]:
    return access.cluster.list(
        kinds.EVENT,
        integration.namespace,
        field_selector=f"involvedObject.uid={integration.uid}",
    )


def _details(access: Access, choice: Choice) -> int:
    found = access.find(choice)
    cluster = access.cluster
    body, note = gathering.scheduler_body(cluster, access.scheduler)
    scheduler = schedulers.parse(body) if body else None
    for number, each in enumerate(found.bodies):
        integration = integrations.parse(each)
        service = integration.spec.service
        plugin_body = gathering.if_allowed(partial(cluster.find, kinds.PLUGIN, service), None)
        nothing: list[dict[str, Any]] = []
        events = gathering.if_allowed(partial(_events, access, integration), nothing)
        if number:
            click.echo()
        detail.integration(
            integration,
            plugins.parse(plugin_body) if plugin_body else None,
            scheduler,
            events,
            cluster.now(),
        )
    if not note:
        _warn(access)
    return _missing(found)
