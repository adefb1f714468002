"""``failed``, ``retry`` and ``flush``."""

import click

from spark_cli.act import jobs as deleting
from spark_cli.act import requests
from spark_cli.commands import listing, requesting
from spark_cli.commands.options import Access, Choice, choosing, connected, output, waiting
from spark_cli.commands.requesting import Order
from spark_cli.decide import failures, select, state
from spark_cli.exits import Exit
from spark_cli.gather import kinds
from spark_cli.gather.cluster import ApiFailure
from spark_cli.gather.jobs import jobs_by_owner
from spark_cli.show import output as outputs
from spark_operator.model import integration as integrations
from spark_operator.model.integration import Integration
from spark_operator.model.job import Job


@click.command("failed")
@choosing(everything=False)
@output("json", "yaml", "wide", "name")
@click.option("--exit-code", is_flag=True, help="exit with 1 where there are some")
@connected
def failed_command(access: Access, choice: Choice, form: str | None, exit_code: bool) -> int:
    """List what has failed.

    Those whose latest attempt failed, and those that are refused as they are.
    """
    found = access.find(choice)
    bodies = [b for b in found.bodies if state.failing(integrations.parse(b))]
    for line in found.missing:
        click.echo(f"error: {line}", err=True)
    if form in ("json", "yaml"):
        outputs.objects(bodies, form)
    elif form == "name":
        outputs.names(kinds.INTEGRATION.resource, (b["metadata"]["name"] for b in bodies))
    elif bodies:
        listing.show(access, [integrations.parse(b) for b in bodies], wide=form == "wide")
    else:
        click.echo("None has failed.", err=True)
    return Exit.FAILED if found.missing or (exit_code and bodies) else Exit.OK


@click.command("retry")
@choosing(everything=True)
@waiting
@output("json", "yaml", "name")
@connected
def retry_command(
    access: Access, choice: Choice, wait: bool, timeout: float | None, form: str | None
) -> int:
    """Try what has failed once more, now.

    The same work (a backfill stays one), as attempt 1.
    """
    choice.require()
    facts, found = access.facts(), access.find(choice)
    orders = []
    for integration in found.integrations:
        chosen = select.retry(integration, facts.outlook(integration), named=choice.named)
        if choice.named or chosen.ask or chosen.failed:
            mode, since = select.again(integration.status.fetch)
            orders.append(Order(integration, chosen, mode, since))
    if not orders and not found.missing:
        click.echo("None has failed.", err=True)
    return requesting.carry_out(access, facts, found, orders, wait=wait, timeout=timeout, form=form)


@click.command("flush")
@choosing(everything=True)
@click.option("--dry-run", is_flag=True, help="say what would be deleted and cleared, no more")
@connected
def flush_command(access: Access, choice: Choice, dry_run: bool) -> int:
    """Delete failed Jobs and forget the failures.

    Those whose outcome is recorded, with your rights; their logs go with them. The counter of failures becomes 0, and the next fetch comes by the
    frequency, from the last success: at once where that time has passed.
    """
    choice.require()
    outputs.outlast_reader()
    found = access.find(choice)
    cluster = access.cluster
    by_owner = jobs_by_owner(cluster, cluster.scope, [i.uid for i in found.integrations])
    failed = bool(found.missing)
    told = 0
    for line in found.missing:
        click.echo(f"error: {line}", err=True)
    for integration in found.integrations:
        jobs = failures.flushable(integration, by_owner.get(integration.uid, ()))
        clear = integration.status.failing or integration.status.consecutive_failures > 0
        if not jobs and not clear:
            if choice.named:
                click.echo(f"{access.label(integration)} has nothing to flush")
            continue
        told += 1
        failed |= not _flush(access, integration, jobs, clear=clear, dry_run=dry_run)
    if not told and not choice.named:
        click.echo("None has failed.", err=True)
    return Exit.FAILED if failed else Exit.OK


def _flush(
    access: Access,
    integration: Integration,
    jobs: tuple[Job, ...],
    *,
    clear: bool,
    dry_run: bool,
) -> bool:
    """Delete, then clear: cleared first, the next fetch would begin while the old Jobs are deleted."""
    label, would = access.label(integration), "would be " if dry_run else ""
    done = True
    for job in jobs:
        try:
            if dry_run or deleting.delete(access.cluster, job):
                click.echo(f"{label} job {job.name} {would}deleted")
        except ApiFailure as error:
            click.echo(f"error: {label} job {job.name}: {error.message}", err=True)
            done = False
    if clear:
        try:
            if not dry_run:
                token = requests.token(access.cluster.now())
                requests.clear_failures(access.cluster, integration, token)
            click.echo(f"{label} failures {would}cleared")
        except ApiFailure as error:
            click.echo(f"error: {label}: {error.message}", err=True)
            done = False
    return done
