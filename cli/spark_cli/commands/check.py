"""``check``: what the operator would do now, for each, and why."""

from typing import Any

import click

from spark_cli.commands import requesting
from spark_cli.commands.options import Access, Choice, choosing, connected, output, waiting
from spark_cli.decide import select
from spark_cli.decide.verdict import Action, Verdict
from spark_cli.exits import Exit
from spark_cli.gather import evaluation
from spark_cli.gather.facts import Facts, Found
from spark_cli.gather.jobs import jobs_by_owner
from spark_cli.show import output as outputs
from spark_cli.show import table
from spark_cli.show.times import ahead
from spark_operator.decide.capacity import Candidate
from spark_operator.model import timestamps
from spark_operator.model.integration import Integration
from spark_operator.model.job import Job
from spark_operator.model.status import Mode, Reason

Judged = list[tuple[Integration, Verdict]]


@click.command("check")
@choosing(everything=True)
@click.option(
    "--connection",
    is_flag=True,
    help="have the operator run a check: one cheap call of the service, and the destination",
)
@waiting
@output("json", "yaml")
@connected
def check_command(
    access: Access,
    choice: Choice,
    connection: bool,
    wait: bool,
    timeout: float | None,
    form: str | None,
) -> int:
    """Tell what would happen now, and why.

    Evaluated by the operator's own rules, for each; nothing is written.

    With --connection the operator is asked for a check instead: it loads nothing, and changes nothing
    about the fetches. Exits with 1 where something holds one back until somebody acts.
    """
    facts = access.facts()
    if connection:
        choice.require()
        found = access.find(choice)
        orders = requesting.orders(
            found,
            lambda i: select.fetch(i, facts.outlook(i), force=True, named=choice.named),
            Mode.CHECK,
        )
        return requesting.carry_out(
            access, facts, found, orders, wait=wait, timeout=timeout, form=form
        )
    if wait or timeout is not None:
        raise click.UsageError("--wait and --timeout are for check --connection")
    found = access.find(choice)
    judged = judge(access, facts, found)
    for line in found.missing:
        click.echo(f"error: {line}", err=True)
    _show(access, facts, judged, form)
    # Suspending is somebody's will.
    held = any(v.action is Action.HOLD and v.reason != Reason.SUSPENDED for _, v in judged)
    return Exit.FAILED if held or found.missing else Exit.OK


def judge(access: Access, facts: Facts, found: Found) -> Judged:
    """Each asked first, then the places given out among all that are due, as at a tick."""
    cluster = access.cluster
    only = [i.uid for i in found.integrations]
    # Without the rules of the Plugins nothing is decided that Jobs say anything of.
    by_owner = {} if facts.plugins_hidden else jobs_by_owner(cluster, cluster.scope, only)

    def jobs(integration: Integration) -> tuple[Job, ...]:
        return tuple(by_owner.get(integration.uid, ()))

    verdicts: Judged = []
    candidates: dict[str, Candidate] = {}
    for integration in found.integrations:
        verdict, candidate = evaluation.decided(
            cluster, facts, integration, jobs(integration), place=False
        )
        verdicts.append((integration, verdict))
        if candidate is not None:
            candidates[integration.uid] = candidate
    admitted, note = evaluation.places(cluster, facts, candidates)
    if note:
        click.echo(f"note: {note}", err=True)
    judged: Judged = []
    for integration, verdict in verdicts:
        if integration.uid in admitted:
            verdict, _ = evaluation.decided(
                cluster, facts, integration, jobs(integration), place=True
            )
        judged.append((integration, verdict))
    return judged


def _show(access: Access, facts: Facts, judged: Judged, form: str | None) -> None:
    if form is not None:
        outputs.document([_document(i, v) for i, v in judged], form)
        return
    rows = [
        (access.label(i), v.action, v.reason, ahead(v.next_at, facts.now), v.message)
        for i, v in judged
    ]
    if rows:
        table.show(("NAME", "WOULD", "REASON", "NEXT", "WHY"), rows)
    else:
        click.echo("No integrations found.", err=True)


def _document(integration: Integration, verdict: Verdict) -> dict[str, Any]:
    return outputs.without_nothing(
        {
            "namespace": integration.namespace,
            "name": integration.name,
            "action": verdict.action.value,
            "reason": str(verdict.reason),
            "message": verdict.message,
            "nextUpdateAt": timestamps.dump(verdict.next_at),
        }
    )
