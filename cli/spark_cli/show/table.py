"""Tables as kubectl draws them: no lines, one row an object, safe whatever stands in a cell."""

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from spark_operator.model.result import clean

_CELL = 2_000
# Where nobody looks, a line is as long as it must be: a script must not lose half a message.
_UNBOUNDED = 100_000

_STYLES = {
    "Fetched": "green",
    "Succeeded": "green",
    "ok": "green",
    "Fetching": "cyan",
    "Running": "cyan",
    "Start": "cyan",
    "Failed": "bold red",
    "fail": "bold red",
    "Deleted": "bold red",
    "InvalidCredentials": "bold red",
    "InvalidConfig": "bold red",
    "UnknownService": "bold red",
    "BackingOff": "yellow",
    "RateLimited": "yellow",
    "Retrying": "yellow",
    "AtCapacity": "yellow",
    "warn": "yellow",
    "Held": "yellow",
    "Suspended": "dim",
}


def console(*, stderr: bool = False) -> Console:
    """On a terminal as wide as that is, else unbounded."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(
        file=stream,
        width=None if stream.isatty() else _UNBOUNDED,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=False,
    )


def cell(value: object) -> Text:
    """Text of a cluster: no control characters, no markup."""
    said = clean("" if value is None else str(value), _CELL)
    return Text(said, style=_STYLES.get(said, ""))


def grid(
    columns: Sequence[str], rows: Sequence[Sequence[object]], *, right: Sequence[str] = ()
) -> Table:
    """The last column takes what is left of the line, the others what they need."""
    table = Table(box=None, show_edge=False, pad_edge=False, padding=(0, 3, 0, 0), header_style="")
    for column in columns:
        last = column == columns[-1]
        table.add_column(
            column,
            justify="right" if column in right else "left",
            no_wrap=not last,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*map(cell, row))
    return table


def lines(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """The table as plain lines, without spaces at their ends."""
    told = [[cell(value).plain for value in row] for row in rows]
    widths = [
        max(len(column), *(len(row[n]) for row in told)) if told else len(column)
        for n, column in enumerate(columns)
    ]
    return [
        "   ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in [list(columns), *told]
    ]


def show(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """On standard output."""
    out = console()
    if out.is_terminal:
        out.print(grid(columns, rows))
    else:
        for line in lines(columns, rows):
            print(line)
