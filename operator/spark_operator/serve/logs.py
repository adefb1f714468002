"""Logs: JSON lines for machines, text for a terminal."""

import json
import logging
import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

import aiohttp
from kopf._cogs.clients.errors import APIError

ABOUT = ("namespace", "integration", "uid", "run", "job")
"""The fields of a line about an Integration; the last two where it is about a run."""


_ATTEMPT_AGAIN = re.compile(r"Request attempt #(?!1\b)\d+.* failed; will retry")


def first_attempt(record: logging.LogRecord) -> bool:
    """kopf tells of each attempt of each watch for as long as the API server is away; once will do."""
    return not (record.name.startswith("kopf") and _ATTEMPT_AGAIN.match(record.getMessage()))


def brief(record: logging.LogRecord) -> bool:
    """kopf shows the whole stack each time that a server refuses a watch. Its messages say the same.

    What anything else raised in a handler of ours is a defect, and keeps its stack.
    """
    error = record.exc_info[1] if record.exc_info else None
    refused = isinstance(error, APIError | aiohttp.ClientError | OSError)
    if record.name.startswith("kopf") and refused:
        record.exc_info = record.exc_text = None
    return True


class Collapse:
    """Lets few of those warnings through that an outage multiplies by the number of Integrations.

    A record with the attribute ``collapse`` is one of them; per message, ``most`` of them pass within
    ``seconds``, and the first after that says how many did not.
    """

    def __init__(
        self,
        *,
        most: int = 10,
        seconds: float = 10.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = most
        self._seconds = seconds
        self._monotonic = monotonic
        self._since: dict[object, float] = {}
        self._count: Counter[object] = Counter()

    def __call__(self, record: logging.LogRecord) -> bool:
        if not getattr(record, "collapse", False):
            return True
        key, now = record.msg, self._monotonic()
        if now - self._since.get(key, float("-inf")) >= self._seconds:
            hidden = max(0, self._count[key] - self._most)
            self._since[key], self._count[key] = now, 0
            if hidden:
                record.msg = f"{record.msg} (and {hidden} more like it, not shown)"
        self._count[key] += 1
        return self._count[key] <= self._most


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {key: record.__dict__[key] for key in ABOUT if key in record.__dict__}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class TextFormatter(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        about = " ".join(f"{key}={record.__dict__[key]}" for key in ABOUT if key in record.__dict__)
        text = super().format(record)
        return f"{text} [{about}]" if about else text


def configure(*, style: str, level: str) -> None:
    """``style`` is text, json or auto (text in a terminal)."""
    as_text = style == "text" or (style == "auto" and sys.stderr.isatty())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(TextFormatter() if as_text else JsonFormatter())
    handler.addFilter(first_attempt)
    handler.addFilter(brief)
    handler.addFilter(Collapse())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # kopf tells of each handler's success at info: every tick, and every event at debug.
    logging.getLogger("kopf").setLevel(logging.WARNING)
    logging.getLogger("aiohttp").setLevel(logging.WARNING)
