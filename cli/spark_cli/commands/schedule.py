"""``schedule``: the next fetches, in their order."""

import click

from spark_cli.commands.options import Access, Choice, choosing, connected, output
from spark_cli.decide.verdict import Action
from spark_cli.exits import Exit
from spark_cli.show import output as outputs
from spark_cli.show import table
from spark_cli.show.times import ahead, exact
from spark_operator.decide import schedule
from spark_operator.model import timestamps


@click.command("schedule")
@choosing(everything=False)
@output("json", "yaml")
@connected
def schedule_command(access: Access, choice: Choice, form: str | None) -> int:
    """List the next fetches in their order.

    By the operator's own rules; what has none comes last.
    """
    facts, found = access.facts(), access.find(choice)
    judged = [(i, facts.outlook(i)) for i in found.integrations]
    judged.sort(
        key=lambda pair: (pair[1].next_at is None, pair[1].next_at or facts.now, pair[0].key)
    )
    for line in found.missing:
        click.echo(f"error: {line}", err=True)
    if form is not None:
        documents = [
            outputs.without_nothing(
                {
                    "namespace": i.namespace,
                    "name": i.name,
                    "service": i.spec.service,
                    "nextUpdateAt": timestamps.dump(v.next_at),
                    "reason": str(v.reason),
                    "message": v.message,
                }
            )
            for i, v in judged
        ]
        outputs.document(documents, form)
    else:
        everywhere = access.cluster.everywhere
        rows = []
        for integration, verdict in judged:
            plugin = facts.plugins.get(integration.spec.service)
            every = schedule.frequency(integration.spec, plugin) if plugin is not None else None
            minutes = f"{int(every.total_seconds() // 60)} min" if every is not None else ""
            running = verdict.action is Action.RUN
            when = (
                "" if running else ahead(verdict.next_at, facts.now).removeprefix("in ") or "never"
            )
            cells = (
                integration.name,
                integration.spec.service,
                minutes,
                exact(verdict.next_at),
                when,
                verdict.reason,
            )
            rows.append((integration.namespace, *cells) if everywhere else cells)
        columns = ("NAME", "SERVICE", "EVERY", "NEXT", "IN", "STATE")
        if rows:
            table.show(("NAMESPACE", *columns) if everywhere else columns, rows)
        elif not choice.named:
            click.echo("No integrations found.", err=True)
    return Exit.FAILED if found.missing else Exit.OK
