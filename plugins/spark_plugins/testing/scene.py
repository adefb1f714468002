"""What a service holds in a test of the kit: records that change, and how it hands them out."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Record:
    """`number` is its identity; `text` differs in each version; `changed_at` rises with each."""

    number: int
    version: int
    changed_at: dt.datetime

    @property
    def text(self) -> str:
        return f"record {self.number}, version {self.version}"


@dataclass
class Scene:
    """The records of a service in the order of their last change, oldest first.

    The other fields are what a service may do without breaking its word; `pages` has done the
    first two already, an adapter looks at the rest.
    """

    page_size: int = 4
    empty_page: bool = False
    repeat_page: bool = False
    # The first of two equal pages holds what was true before the latest edits.
    repeat_outdated: bool = False
    # A field that was not there before, and another kind of value in one that was.
    drift: bool = False
    clock_ahead: dt.timedelta = dt.timedelta()
    records: list[Record] = field(default_factory=list)
    _ticks: int = 0
    _numbered: int = 0
    _began: dt.datetime = field(
        default_factory=lambda: (
            dt.datetime.now(dt.UTC).replace(microsecond=0) - dt.timedelta(minutes=30)
        )
    )

    def add(self, count: int = 1) -> None:
        for _ in range(count):
            # Counted apart: after a removal the length would give a number for the second time.
            self._numbered += 1
            self.records.append(Record(self._numbered, 1, self._tick()))

    def edit(self, dice: random.Random, count: int = 1) -> None:
        """Give some records a new version; they come last then, as in a list by change."""
        for record in dice.sample(self.records, min(count, len(self.records))):
            self.records.remove(record)
            self.records.append(
                replace(record, version=record.version + 1, changed_at=self._tick())
            )

    def remove(self, dice: random.Random, count: int = 1) -> None:
        """Take some records away: the service never speaks of them again."""
        for record in dice.sample(self.records, min(count, len(self.records))):
            self.records.remove(record)

    def now(self) -> dt.datetime:
        """By the service's own clock."""
        return dt.datetime.now(dt.UTC) + self.clock_ahead

    def pages(self) -> list[list[Record]]:
        """At least one page; an adapter hands out the one that a request asks for."""
        size = self.page_size
        pages = [self.records[at : at + size] for at in range(0, len(self.records), size)] or [[]]
        if self.repeat_page:
            first = pages[0]
            if self.repeat_outdated:
                first = [
                    replace(
                        record,
                        version=record.version - 1,
                        changed_at=record.changed_at - dt.timedelta(milliseconds=1),
                    )
                    for record in first
                ]
            pages = [first, *pages[1:], pages[0]]
        if self.empty_page:
            pages.insert(1, [])
        return pages

    def all(self) -> list[Record]:
        """The pages as one, for a service that has none."""
        return [record for page in self.pages() for record in page]

    def _tick(self) -> dt.datetime:
        self._ticks += 1
        return self._began + self.clock_ahead + dt.timedelta(seconds=self._ticks)
