"""The termination message of the runner: hostile input, read with tongs (docs/contract.md)."""

import json
import unicodedata

from spark_operator.model import fields
from spark_operator.model.record import record
from spark_operator.model.status import MAX_RETRY_AFTER_SECONDS, Reason

MAX_BYTES = 4096
MAX_TEXT = 512
MAX_ROWS = 10**15

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_REASONS = {str(r): r for r in (Reason.INVALID_CREDENTIALS, Reason.INVALID_CONFIG)}


@record(frozen=True, slots=True)
class Result:
    """``readable`` is False where there was no JSON object to read."""

    readable: bool
    message: str = ""
    rows: int | None = None
    retry_after_seconds: int | None = None
    reason: Reason | None = None


UNREADABLE = Result(readable=False)


def clean(text: str, limit: int = MAX_TEXT) -> str:
    """One line without control characters, invisible ones that reorder text, or those that are none,
    cut to ``limit``."""
    if not (text.isascii() and text.isprintable()):
        spaced = "".join(" " if c in "\r\n\t" else c for c in text)
        text = "".join(c for c in spaced if unicodedata.category(c) not in _HIDDEN)
    collapsed = " ".join(text.split())
    return collapsed if len(collapsed) <= limit else collapsed[: limit - 1] + "…"


def sentence(text: str, limit: int = MAX_TEXT) -> str:
    """As ``clean``, and ending like a sentence, so that another can follow.

    A command at the end is left as it can be copied.
    """
    cleaned = clean(text, limit - 1)
    ended = not cleaned or cleaned[-1] in ".!?…" or ends_with_command(cleaned)
    return cleaned if ended else cleaned + "."


def ends_with_command(text: str) -> bool:
    """Whether the last word is an option, such as ``--overwrite``."""
    return text.rpartition(" ")[2].startswith("--")


def _bounded(value: object, maximum: int) -> int | None:
    number = fields.optional_integer(value)
    return None if number is None or number < 0 else min(number, maximum)


def parse(text: str) -> Result:
    if not text or len(text.encode("utf-8", "replace")) > MAX_BYTES:
        return UNREADABLE
    try:
        document = json.loads(text)
    # A message may nest a thousand brackets deep, or hold a number of a thousand digits.
    except (ValueError, RecursionError):
        return UNREADABLE
    if not isinstance(document, dict):
        return UNREADABLE
    return Result(
        readable=True,
        message=sentence(fields.text(document.get("message"))),
        rows=_bounded(document.get("rows"), MAX_ROWS),
        retry_after_seconds=_bounded(document.get("retryAfterSeconds"), MAX_RETRY_AFTER_SECONDS),
        reason=_REASONS.get(fields.text(document.get("reason"))),
    )
