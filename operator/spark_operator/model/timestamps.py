"""RFC 3339 in UTC, whole seconds: the form in which Kubernetes keeps time."""

from datetime import UTC, datetime

_FORM = "%04d-%02d-%02dT%02d:%02d:%02dZ"


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
    # By hand, as it is asked for several times a decision and isoformat takes half as long again.
    date = (moment.year, moment.month, moment.day)
    return _FORM % (*date, moment.hour, moment.minute, moment.second)


def whole_seconds(moment: datetime) -> datetime:
    """What a reader of the written status will see, so that memory and record agree."""
    return moment.replace(microsecond=0) if moment.microsecond else moment
