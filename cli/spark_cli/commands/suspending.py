"""``suspend`` and ``resume``."""

import click

from spark_cli.act import requests
from spark_cli.commands.options import Access, Choice, choosing, connected
from spark_cli.exits import Exit
from spark_cli.gather.cluster import ApiFailure
from spark_cli.show import output as outputs


@click.command("suspend")
@choosing(everything=True)
@connected
def suspend_command(access: Access, choice: Choice) -> int:
    """Start no fetch until resumed.

    One that runs already ends as usual.
    """
    return _set(access, choice, suspended=True)


@click.command("resume")
@choosing(everything=True)
@connected
def resume_command(access: Access, choice: Choice) -> int:
    """Fetch again what was suspended.

    After a failure at once, since suspending has cleared the back-off.
    """
    return _set(access, choice, suspended=False)


def _set(access: Access, choice: Choice, *, suspended: bool) -> int:
    choice.require()
    outputs.outlast_reader()
    found = access.find(choice)
    word, failed = ("suspended" if suspended else "resumed"), bool(found.missing)
    for integration in found.integrations:
        label = access.label(integration)
        if integration.spec.suspend == suspended:
            click.echo(f"{label} is {'suspended already' if suspended else 'not suspended'}")
            continue
        try:
            requests.suspend(access.cluster, integration, suspended=suspended)
            click.echo(f"{label} {word}")
        except ApiFailure as error:
            click.echo(f"error: {label}: {error.message}", err=True)
            failed = True
    for line in found.missing:
        click.echo(f"error: {line}", err=True)
    return Exit.FAILED if failed else Exit.OK
