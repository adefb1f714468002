"""Tables as kubectl draws them: no lines, one row an object, safe whatever stands in a cell."""

import sys
from collections.abc import Sequence
from typing import Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from spark_operator.model.result import clean

_CELL = 2_000
# Where nobody looks, a line is as long as it must be: a script must not lose half a message.
_UNBOUNDED = 100_000
# A message in fewer columns cannot be read.
_READABLE = 36

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


def grid(columns: Sequence[str], rows: Sequence[Sequence[object]], *, fold: bool = False) -> Table:
    """For a terminal. The last column takes what is left of the line: one line a row, or as many as its
    text needs (``fold``); the others what they need."""
    table = Table(box=None, show_edge=False, pad_edge=False, padding=(0, 3, 0, 0), header_style="")
    for column in columns:
        last = column == columns[-1]
        overflow: Literal["fold", "ellipsis"] = "fold" if last and fold else "ellipsis"
        table.add_column(column, no_wrap=not (last and fold), overflow=overflow)
    for row in rows:
        table.add_row(*map(cell, row))
    return table


def _widths(columns: Sequence[str], cells: Sequence[Sequence[Text]]) -> list[int]:
    return [
        max([len(column), *(row[n].cell_len for row in cells)]) for n, column in enumerate(columns)
    ]


def _texts(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> list[Text]:
    cells = [[cell(value) for value in row] for row in rows]
    widths = _widths(columns, cells)
    texts = []
    for row in [[Text(column) for column in columns], *cells]:
        text = Text()
        for n, (value, width) in enumerate(zip(row, widths, strict=True)):
            text.append_text(value)
            if n + 1 < len(widths):
                text.append(" " * (width - value.cell_len + 3))
        text.rstrip()
        texts.append(text)
    return texts


def lines(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """The table as plain lines, without spaces at their ends."""
    return [text.plain for text in _texts(columns, rows)]


def show(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """On standard output."""
    out = console()
    if not out.is_terminal:
        for line in lines(columns, rows):
            print(line)
        return
    left = out.width - sum(w + 3 for w in _widths(columns, [list(map(cell, r)) for r in rows])[:-1])
    if left >= _READABLE:
        out.print(grid(columns, rows, fold=True))
        return
    # A column of a few letters is no message: the terminal breaks the lines, as kubectl's.
    for text in _texts(columns, rows):
        out.print(text, soft_wrap=True)
