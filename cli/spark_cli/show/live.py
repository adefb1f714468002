"""What changes while somebody looks: drawn anew on a terminal, told line by line in a pipe."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import click
from rich.console import Group
from rich.live import Live
from rich.text import Text

from spark_cli.decide.progress import Asked, Phase, Step
from spark_cli.show import table
from spark_cli.show.times import ahead

Cells = tuple[object, ...]


class Rows:
    """The table of ``list --watch``."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns
        self._console = table.console()
        self._live: Live | None = None
        self._told: dict[str, tuple[int, Cells]] = {}
        self._warnings = _Warnings()

    def __enter__(self) -> "Rows":
        return self

    def __exit__(self, *_: object) -> None:
        # Else the cursor stays hidden after Ctrl-C.
        if self._live is not None:
            self._live.stop()

    def update(
        self,
        rows: Mapping[str, Cells],
        *,
        versions: Mapping[str, int],
        urgent: Collection[str] = (),
        trouble: str | None,
        silence: str = "",
    ) -> None:
        """``rows`` and ``versions`` by uid: in a pipe a row is told again once its version changed.
        On a terminal with too few lines the ``urgent`` ones come first. ``trouble`` is of the API server, ``silence`` the operator's."""
        self._warnings.tell(trouble, silence)
        if self._console.is_terminal:
            if self._live is None:
                self._live = Live(console=self._console, auto_refresh=False)
                self._live.start()
            self._live.update(self._drawn(rows, urgent), refresh=True)
            return
        news: list[Cells] = [
            cells
            for uid, cells in rows.items()
            if uid not in self._told or self._told[uid][0] != versions[uid]
        ]
        where = self._columns.index("STATE")
        for uid in self._told.keys() - rows.keys():
            cells = list(self._told[uid][1])
            cells[where:] = ["Deleted", *[""] * (len(cells) - where - 1)]
            news.append(tuple(cells))
        first = not self._told
        self._told = {uid: (versions[uid], cells) for uid, cells in rows.items()}
        if news:
            for line in table.lines(self._columns, news)[0 if first else 1 :]:
                click.echo(line)

    def _drawn(self, rows: Mapping[str, Cells], urgent: Collection[str]) -> Group:
        """What has room: rich would cut off the rest, whatever stands in it."""
        room = max(3, self._console.size.height - 3)
        shown = list(rows)
        if len(shown) > room:
            shown = sorted(shown, key=lambda uid: uid not in urgent)[:room]
        left = len(rows) - len(shown)
        rest = Text(f"and {left} more, for which there is no room") if left else Text("")
        return Group(table.grid(self._columns, [rows[uid] for uid in shown]), rest)


class _Warnings:
    """Each told once, until it is another one."""

    def __init__(self, silence: str = "") -> None:
        """``silence``: what was told of the operator already."""
        self._trouble: str | None = None
        self._silence = silence

    def tell(self, trouble: str | None, silence: str) -> None:
        if trouble and trouble != self._trouble:
            click.echo(f"warning: {trouble}; trying again", err=True)
        if silence and silence != self._silence:
            click.echo(f"warning: {silence}", err=True)
        # That nothing is known of the operator yet is no news of it.
        self._trouble, self._silence = trouble, silence or self._silence


class Progress:
    """How far each request is: on a terminal those that go on, and a count of all; else one line for
    each change. On standard error, so that standard output has the end alone."""

    def __init__(self, asked: Sequence[Asked], *, everywhere: bool, silence: str = "") -> None:
        self._asked = {each.uid: each for each in asked}
        self._everywhere = everywhere
        self._console = table.console(stderr=True)
        self._live = (
            Live(console=self._console, auto_refresh=False) if self._console.is_terminal else None
        )
        self._told: dict[str, tuple[Phase, int | None, str]] = {}
        self._warnings = _Warnings(silence)

    def __enter__(self) -> "Progress":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def label(self, uid: str) -> str:
        asked = self._asked[uid]
        return f"{asked.namespace}/{asked.name}" if self._everywhere else asked.name

    def update(
        self, steps: Mapping[str, Step], now: datetime, trouble: str | None, silence: str = ""
    ) -> None:
        """``steps`` by uid; ``trouble`` is of the API server, ``silence`` the operator's."""
        if self._live is not None:
            self._live.update(self._drawn(steps, now, trouble, silence), refresh=True)
            return
        self._warnings.tell(trouble, silence)
        for uid, step in steps.items():
            news = (step.phase, step.run, step.message if step.phase is Phase.RETRYING else "")
            before = self._told.get(uid)
            self._told[uid] = news
            if before != news and (before is not None or step.phase is not Phase.WAITING):
                next_ = f" Next attempt {ahead(step.next_at, now)}." if step.next_at else ""
                click.echo(f"{self.label(uid)}: {step.phase}: {step.message}{next_}", err=True)

    def _drawn(
        self, steps: Mapping[str, Step], now: datetime, trouble: str | None, silence: str
    ) -> Group:
        room = max(3, self._console.size.height - 5)
        order = (Phase.RETRYING, Phase.RUNNING, Phase.WAITING)
        active = sorted(
            ((uid, step) for uid, step in steps.items() if not step.ended),
            key=lambda pair: order.index(pair[1].phase),
        )
        failed = [(uid, s) for uid, s in steps.items() if s.ended and s.phase != Phase.SUCCEEDED]
        small = len(steps) <= room
        shown = list(steps.items()) if small else (failed + active)[:room]
        rows = [
            (self.label(uid), s.phase, s.run or "", ahead(s.next_at, now), s.message)
            for uid, s in shown
        ]
        head = Text(summary(steps) + (f" ({trouble}; trying again)" if trouble else ""))
        if silence:
            head.append(f"\nwarning: {silence}")
        return Group(head, table.grid(("NAME", "PROGRESS", "RUN", "NEXT", "MESSAGE"), rows))


def summary(steps: Mapping[str, Step]) -> str:
    """``197 succeeded, 2 failed, 1 retrying``."""
    counts = [(phase, sum(s.phase is phase for s in steps.values())) for phase in Phase]
    order = sorted((c for c in counts if c[1]), key=lambda c: c[0] is not Phase.SUCCEEDED)
    return ", ".join(f"{count} {phase.lower()}" for phase, count in order) or "nothing to do"
