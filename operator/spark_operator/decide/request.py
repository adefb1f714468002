"""The annotations that ask for a run: a token, of which each change counts once, and what it asks for.

A mode or a time that cannot be used starts nothing and leaves the token untaken: once it is mended, the
request is still there.
"""

import re
from datetime import UTC, datetime

from spark_operator.model import names
from spark_operator.model.integration import Integration
from spark_operator.model.record import record
from spark_operator.model.result import clean
from spark_operator.model.status import Mode

MAX_TOKEN = 128
_MODES = {mode.value: mode for mode in Mode}
# Stricter than what Python reads: "20260101" or a week is as likely a slip as a date.
_DATE_OR_TIME = re.compile(
    r"\d{4}-\d{2}-\d{2}([Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2}))?"
)


@record(frozen=True, slots=True)
class Asked:
    """What a request asks for; ``since`` only with a backfill."""

    mode: Mode = Mode.FETCH
    since: datetime | None = None


_FETCH = Asked()


def usable(token: str | None) -> bool:
    """Whether a value can be a token at all; an absent one is none."""
    return token is not None and 0 < len(token) <= MAX_TOKEN and token.isprintable()


def token_problem(annotation: str, token: str | None) -> str:
    """Why a token cannot be used, as a sentence; empty where it can, or is not there."""
    if token is None or usable(token):
        return ""
    return (
        f" The annotation {annotation} is ignored: its value must be 1 to {MAX_TOKEN} "
        "printable characters, for example the output of date +%s."
    )


def _new(integration: Integration) -> bool:
    """Whether a usable token stands there that no claim has taken, whatever it asks for."""
    token = integration.requested_at
    return usable(token) and token != integration.status.last_handled_request


def _since(text: str) -> datetime | None:
    """A date, at its beginning in UTC, or an RFC 3339 time; None for anything else."""
    if not _DATE_OR_TIME.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text.upper())
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _read(integration: Integration) -> Asked | str:
    """What the other two annotations ask for, or the sentence that says why they cannot be used."""
    wanted, since = integration.requested_mode, integration.requested_since
    mode = Mode.FETCH if wanted is None else _MODES.get(wanted)
    if mode is None:
        return (
            f" The request is ignored: the annotation {names.REQUESTED_MODE} is "
            f'"{clean(wanted or "", 40)}", but must be fetch, check, reset or backfill.'
        )
    if mode is not Mode.BACKFILL:
        if wanted is None and since is not None:
            # Whoever names a time does not mean a plain fetch.
            return (
                f" The request is ignored: the annotation {names.REQUESTED_SINCE} needs "
                f"{names.REQUESTED_MODE}=backfill beside it."
            )
        # What is left of an earlier backfill hinders nobody who says what they want.
        return _FETCH if mode is Mode.FETCH else Asked(mode)
    moment = None if since is None else _since(since)
    if moment is None:
        found = "is missing" if since is None else f'is "{clean(since, 40)}"'
        return (
            f" The request is ignored: the annotation {names.REQUESTED_SINCE} {found}, but a backfill "
            "needs a date such as 2026-01-31 or a time such as 2026-01-31T18:00:00Z."
        )
    return Asked(mode, moment.replace(microsecond=0))


def problem(integration: Integration) -> str:
    """What is wrong with the annotations, in sentences; empty where nothing is.

    The mode and the time are judged with a token that is new: left over, they ask for nothing.
    """
    if integration.requested_at is None and integration.reset_at is None:
        return ""
    said = token_problem(names.REQUESTED_AT, integration.requested_at)
    if _new(integration):
        asked = _read(integration)
        said += asked if isinstance(asked, str) else ""
    return said + token_problem(names.RESET_AT, integration.reset_at)


def asked(integration: Integration) -> Asked | None:
    """What was asked for that no claim has taken yet; None where nothing was, or nothing usable."""
    if not _new(integration):
        return None
    read = _read(integration)
    return None if isinstance(read, str) else read


def taken(integration: Integration) -> str | None:
    """What a claim made now records: any claim takes the token that stands there."""
    return (
        integration.requested_at if asked(integration) else integration.status.last_handled_request
    )
