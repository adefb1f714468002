"""``completion``: for shells that call ``kubectl-spark`` by its own name."""

import click
from click.shell_completion import get_completion_class

from spark_cli import COMPLETE_VARIABLE


@click.command("completion")
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@click.pass_context
def completion_command(ctx: click.Context, shell: str) -> None:
    """Print the completion for a shell.

    kubectl completes `kubectl spark` by itself where kubectl_complete-spark is in the PATH, as pip
    installs it. This is for the command kubectl-spark: source what is printed.
    """
    found = get_completion_class(shell)
    assert found is not None, "click knows these three"
    click.echo(found(ctx.find_root().command, {}, "kubectl-spark", COMPLETE_VARIABLE).source())
