"""How a command can end, as scripts see it, and the failures that end it with one line."""

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of docs/kubectl-spark.md. 2 is click's own for wrong use."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNFINISHED = 3
    NO_ACCESS = 4
    DEFECT = 70
    HUNG_UP = 129
    INTERRUPTED = 130
    TERMINATED = 143


class Failure(Exception):
    """Ends the command: ``message`` says what is wrong and what to do, in one line."""

    exit = Exit.FAILED

    def __init__(self, message: str, *, exit: Exit | None = None) -> None:  # noqa: A002
        super().__init__(message)
        self.message = message
        if exit is not None:
            self.exit = exit


class NoAccess(Failure):
    """The cluster cannot be reached, or does not know us, or does not let us."""

    exit = Exit.NO_ACCESS


class MissingExtra(Failure):
    """The command needs packages that are not installed."""

    def __init__(self, command: str, extra: str, error: ImportError) -> None:
        super().__init__(
            f"{command} needs packages that are not installed ({error.name or error}): "
            f"pip install 'spark-integrations[{extra}]'"
        )
