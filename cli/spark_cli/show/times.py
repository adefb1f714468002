"""Times and durations as kubectl shows them."""

from datetime import datetime, timedelta

from spark_operator.decide import schedule


def duration(length: timedelta) -> str:
    """``45s``, ``12m``, ``3h5m``, ``2d4h``: two units at most, the smaller one where it matters."""
    seconds = int(abs(length).total_seconds())
    if seconds < 120:
        return f"{seconds}s"
    minutes = seconds // 60
    if minutes < 10:
        rest = seconds % 60
        return f"{minutes}m{rest}s" if rest else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    hours = minutes // 60
    if hours < 8:
        rest = minutes % 60
        return f"{hours}h{rest}m" if rest else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    days = hours // 24
    if days < 8 and hours % 24:
        return f"{days}d{hours % 24}h"
    return f"{days}d"


def ago(moment: datetime | None, now: datetime) -> str:
    """``5m ago``; nothing for what never was, and for what a clock that was wrong has written: the
    operator takes a time in the future for none, too."""
    if moment is None or schedule.sane(moment, now) is None:
        return ""
    return f"{duration(max(now - moment, timedelta(0)))} ago"


def ahead(moment: datetime | None, now: datetime) -> str:
    """``in 5m``, or ``now`` for what is due."""
    if moment is None:
        return ""
    return "now" if moment <= now else f"in {duration(moment - now)}"


def exact(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%dT%H:%M:%SZ}"
