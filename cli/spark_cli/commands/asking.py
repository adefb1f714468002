"""``fetch``, ``backfill`` and ``reset``."""

import click

from spark_cli.commands import requesting
from spark_cli.commands.options import Access, Choice, choosing, connected, output, waiting
from spark_cli.decide import select
from spark_operator.decide import request
from spark_operator.model import integration as integrations
from spark_operator.model import names
from spark_operator.model.status import Mode


@click.command("fetch")
@choosing(everything=True)
@click.option("--force", is_flag=True, help="also those that are not due")
@waiting
@output("json", "yaml", "name")
@connected
def fetch_command(
    access: Access,
    choice: Choice,
    force: bool,
    wait: bool,
    timeout: float | None,
    form: str | None,
) -> int:
    """Fetch now what is due or has failed.

    With --force all that are meant.

    A request passes frequency and back-off. It does not pass a suspension, and not the time that a
    service asked to be left alone.
    """
    choice.require()
    facts, found = access.facts(), access.find(choice)
    orders = requesting.orders(
        found,
        lambda i: select.fetch(i, facts.outlook(i), force=force, named=choice.named),
        Mode.FETCH,
    )
    return requesting.carry_out(access, facts, found, orders, wait=wait, timeout=timeout, form=form)


@click.command("reset")
@choosing(everything=True)
@waiting
@output("json", "yaml", "name")
@connected
def reset_command(
    access: Access, choice: Choice, wait: bool, timeout: float | None, form: str | None
) -> int:
    """Forget the cursors and fetch everything anew.

    Rows are merged by their primary key, so none is doubled.
    """
    return _again(access, choice, Mode.RESET, None, wait=wait, timeout=timeout, form=form)


def _since(ctx: click.Context, param: click.Parameter, value: str) -> str:  # noqa: ARG001
    """As the operator reads it: what it would ignore is refused here."""
    annotations = {
        names.REQUESTED_AT: "x",
        names.REQUESTED_MODE: Mode.BACKFILL.value,
        names.REQUESTED_SINCE: value,
    }
    asking = integrations.parse({"metadata": {"annotations": annotations}})
    if request.problem(asking):
        raise click.BadParameter(
            f'"{value}" is neither a date such as 2026-01-31 nor a time such as 2026-01-31T18:00:00Z'
        )
    return value


@click.command("backfill")
@choosing(everything=True)
@click.option(
    "--since",
    required=True,
    callback=_since,
    metavar="DATE|TIME",
    help="2026-01-31 (from its beginning in UTC) or 2026-01-31T18:00:00Z",
)
@waiting
@output("json", "yaml", "name")
@connected
def backfill_command(
    access: Access,
    choice: Choice,
    since: str,
    wait: bool,
    timeout: float | None,
    form: str | None,
) -> int:
    """Fetch again what has changed since a time."""
    return _again(access, choice, Mode.BACKFILL, since, wait=wait, timeout=timeout, form=form)


def _again(
    access: Access,
    choice: Choice,
    mode: Mode,
    since: str | None,
    *,
    wait: bool,
    timeout: float | None,
    form: str | None,
) -> int:
    choice.require()
    facts, found = access.facts(), access.find(choice)
    orders = requesting.orders(
        found,
        lambda i: select.fetch(i, facts.outlook(i), force=True, named=choice.named),
        mode,
        since,
    )
    return requesting.carry_out(access, facts, found, orders, wait=wait, timeout=timeout, form=form)
