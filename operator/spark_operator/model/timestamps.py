"""RFC 3339 in UTC, whole seconds: the form in which Kubernetes keeps time."""

from datetime import UTC, datetime


def parse(value: object) -> datetime | None:
    """A timestamp of a status, or None where it is absent or malformed.

    Anybody who may edit a status can write nonsense into it; nonsense must not stop the fetches of
    the object, so it counts as absent.
    """
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is UTC:
            return moment
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        # The first and the last day of the calendar may lie beyond it in UTC.
        return None


def dump(moment: datetime | None) -> str | None:
    """The text for a status; None stays None, which deletes the field in a merge patch."""
    if moment is None:
        return None
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    # The fraction is cut off, and so is the offset, which is "+00:00".
    return moment.isoformat()[:19] + "Z"


def whole_seconds(moment: datetime) -> datetime:
    """What a reader of the written status will see, so that memory and record agree."""
    return moment.replace(microsecond=0) if moment.microsecond else moment
