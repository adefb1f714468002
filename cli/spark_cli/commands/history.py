"""``history``: the runs whose Jobs are kept."""

from datetime import datetime

import click

from spark_cli.commands.options import Access, IntegrationName, connected, output
from spark_cli.decide import kept
from spark_cli.gather import kinds
from spark_cli.gather.cluster import ApiFailure
from spark_cli.gather.jobs import pods_of
from spark_cli.show import output as outputs
from spark_cli.show import table
from spark_cli.show.times import duration, exact
from spark_operator.model import integration as integrations
from spark_operator.model import job as jobs
from spark_operator.model import names, timestamps
from spark_operator.model import pod as pods
from spark_operator.model.integration import Integration
from spark_operator.model.job import Job


def one(access: Access, name: str) -> Integration:
    """The Integration of that name. Raises Failure where there is none, UsageError with -A."""
    if access.cluster.everywhere:
        raise click.UsageError("a name and -A exclude each other: say -n NAMESPACE")
    try:
        return integrations.parse(access.cluster.get(kinds.INTEGRATION, name))
    except ApiFailure as error:
        if not error.not_found:
            raise
        raise ApiFailure(
            404,
            error.reason,
            f'there is no integration "{name}" in namespace "{access.cluster.namespace}"',
        ) from None


def jobs_of(access: Access, integration: Integration) -> list[Job]:
    """Its Jobs that are there, the oldest run first."""
    selector = f"{names.LABEL_INTEGRATION_UID}={integration.uid}"
    bodies = access.cluster.list(kinds.JOB, integration.namespace, selector=selector)
    return kept.of_owner(integration, [jobs.parse(body) for body in bodies])


@click.command("history")
@click.argument("name", type=IntegrationName())
@output("json", "yaml")
@connected
def history_command(access: Access, name: str, form: str | None) -> int:
    """List the runs whose Jobs are kept.

    The oldest first; spec.history of the Scheduler says how many are kept.
    """
    integration = one(access, name)
    past = [
        kept.past(integration, job, pods.parse(pods_of(access.cluster, job)))
        for job in jobs_of(access, integration)
    ]
    if form is not None:
        documents = [
            outputs.without_nothing(
                {
                    key: timestamps.dump(value) if isinstance(value, datetime) else value
                    for key, value in kept.described(each).items()
                }
            )
            for each in past
        ]
        outputs.document(documents, form)
        return 0
    rows = []
    for each in past:
        took = (
            duration(each.finished_at - each.started_at)
            if each.started_at and each.finished_at
            else ""
        )
        count = "" if each.rows is None else each.rows
        rows.append(
            (
                each.run,
                each.outcome,
                exact(each.started_at),
                took,
                count,
                each.job.name,
                each.message,
            )
        )
    if rows:
        table.show(("RUN", "OUTCOME", "STARTED", "TOOK", "ROWS", "JOB", "MESSAGE"), rows)
    else:
        click.echo(f'No Job of "{name}" is kept.', err=True)
    return 0
