"""What is known to be wrong with what is in the images: findings, exceptions, and how old the knowledge is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from dev.supply.contents import Contents
from dev.supply.debian import Lists
from dev.supply.exceptions import Ignored
from dev.supply.osv import Database

OLD = timedelta(days=14)


@dataclass
class Report:
    """What a scan found. It fails on `open`, and on what no longer holds."""

    open: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    """Exceptions that have run out, or that nothing needs."""
    notes: list[str] = field(default_factory=list)
    """What was looked at and how old that is; what was not looked at."""

    @property
    def failed(self) -> bool:
        """Whether somebody has to do something."""
        return bool(self.open or self.stale)

    def lines(self) -> list[str]:
        """To be printed."""
        found = [*self.notes]
        found += [f"known: {one}" for one in self.ignored]
        found += [f"exception: {one}" for one in self.stale]
        found += [f"open: {one}" for one in self.open]
        return found


def scan(
    images: Sequence[Contents],
    lists: Lists | None,
    database: Database | None,
    exceptions: dict[str, Ignored],
    now: datetime,
) -> Report:
    """Judge all images by what is there of Debian's lists and of OSV. `now` has a time zone."""
    report = Report()
    used: set[str] = set()
    if lists is None:
        report.notes.append("Debian's packages: NOT SCANNED, without Debian's lists")
    else:
        report.notes.append(_age("Debian's security updates", lists.signed, now))
        _debian(images, lists, exceptions, now.date(), report, used)
    if database is None:
        report.notes.append("Python: NOT SCANNED, without a copy of OSV (docs/releasing.md)")
    else:
        about = f"{database.count} advisories on Python's distributions"
        report.notes.append(_age(about, database.modified, now))
        _python(images, database, exceptions, now.date(), report, used)
    if lists is not None and database is not None:
        unused = sorted(set(exceptions) - used)
        report.stale += [f"{name} is found no more: remove it" for name in unused]
    return report


def _age(what: str, when: datetime, now: datetime) -> str:
    age = now.astimezone(UTC) - when
    warning = ", which is OLD" if age > OLD else ""
    return f"{what}: of {when:%Y-%m-%d}, {age.days} days ago{warning}"


def _debian(
    images: Sequence[Contents],
    lists: Lists,
    exceptions: dict[str, Ignored],
    today: date,
    report: Report,
    used: set[str],
) -> None:
    # Both images have the same base: what waits for both is said once.
    waiting = {one for image in images for one in lists.waiting(image.packages)}
    for one in sorted(waiting, key=lambda found: found.package):
        if one.security:
            name = f"{one.package} {one.version}"
            text = f"{one.package} {one.installed}: {one.version} is a security update"
            _sort(text, [name], exceptions, today, report, used)
    others = sum(not one.security for one in waiting)
    if others:
        report.notes.append(f"{others} packages of Debian have newer versions, not for security")


def _python(
    images: Sequence[Contents],
    database: Database,
    exceptions: dict[str, Ignored],
    today: date,
    report: Report,
    used: set[str],
) -> None:
    found = {one for image in images for one in database.judge(image.distributions)}
    for one in sorted(found, key=lambda advisory: (advisory.distribution, advisory.ids)):
        fixed = f"fixed in {', '.join(one.fixed)}" if one.fixed else "no version is without it"
        names = " ".join(one.ids)
        text = f"{one.distribution} {one.version}: {names}: {one.summary or 'no summary'} ({fixed})"
        _sort(text, one.ids, exceptions, today, report, used)


def _sort(
    text: str,
    names: Iterable[str],
    exceptions: dict[str, Ignored],
    today: date,
    report: Report,
    used: set[str],
) -> None:
    """Into what is open and what somebody has accepted until a day that has not come."""
    for name in names:
        if exception := exceptions.get(name):
            used.add(name)
            if today < exception.until:
                report.ignored.append(f"{text}; until {exception.until}: {exception.reason}")
                return
            report.stale.append(f"{name} ran out on {exception.until}: look at it again")
    report.open.append(text)
