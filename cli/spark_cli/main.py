"""The command ``kubectl-spark``, which kubectl runs as ``kubectl spark``."""

import importlib
import os
import sys
import traceback
from collections.abc import Sequence

import click

from spark_cli import COMPLETE_VARIABLE, PROGRAM, signals
from spark_cli.exits import Exit, Failure

# In the order of the help. A module is imported when its command is: what `list` needs is quick, what
# `run` needs is not.
COMMANDS = {
    "list": "listing",
    "status": "listing",
    "fetch": "asking",
    "schedule": "schedule",
    "check": "check",
    "failed": "failures",
    "retry": "failures",
    "flush": "failures",
    "suspend": "suspending",
    "resume": "suspending",
    "logs": "logs",
    "history": "history",
    "backfill": "asking",
    "reset": "asking",
    "run": "run",
    "validate": "validate",
    "plugins": "plugins",
    "plugin": "plugins",
    "doctor": "doctor",
    "completion": "completion",
}

EPILOG = """\
\b
Exit codes:
  0    done
  1    something failed
  2    wrong use
  3    the time of --timeout is over, and something goes on
  4    no access to the cluster
  70   a defect of this program
  129  its terminal was closed (SIGHUP)
  130  interrupted
  143  ended by SIGTERM
"""


class _Commands(click.Group):
    """Its commands are imported when they are used, and listed in their order."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        found: click.Command = getattr(
            importlib.import_module(f"spark_cli.commands.{module}"), f"{cmd_name}_command"
        )
        return found


@click.group(
    cls=_Commands,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="spark-integrations", prog_name=PROGRAM)
def command() -> None:
    """Integrations of spark-integrations: how they are, and what to do about it."""


def run(argv: Sequence[str]) -> int:
    """The exit code; whatever happens is told in a line on standard error."""
    debug = "--debug" in argv
    try:
        if COMPLETE_VARIABLE in os.environ:
            # A shell asks for candidates: click answers, and ends the process.
            command.main(list(argv), prog_name="kubectl-spark", complete_var=COMPLETE_VARIABLE)
        # Not by click's main, which takes a reader that has enough for a failure.
        with command.make_context(PROGRAM, list(argv)) as ctx:
            answer = command.invoke(ctx)
        sys.stdout.flush()
        return answer if isinstance(answer, int) else Exit.OK
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.exceptions.Abort:
        return _interrupted()
    except click.ClickException as error:
        error.show()
        return Exit.USAGE if isinstance(error, click.UsageError) else Exit.FAILED
    except Failure as error:
        if debug:
            traceback.print_exc()
        _say(f"error: {error.message}")
        return error.exit
    except KeyboardInterrupt:
        return _interrupted()
    except BrokenPipeError:
        # Whoever read has enough, as head does. Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    except Exception as error:  # noqa: BLE001
        if debug:
            traceback.print_exc()
        hint = "" if debug else "; --debug shows where"
        _say(f"error: unforeseen, a defect of kubectl spark: {type(error).__name__}: {error}{hint}")
        return Exit.DEFECT


def _interrupted() -> int:
    _say("interrupted; what was asked for goes on in the cluster")
    return Exit.INTERRUPTED


def _say(line: str) -> None:
    print(" ".join(line.split()), file=sys.stderr)


def main() -> None:
    """The entry point."""
    signals.end_in_order()
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
