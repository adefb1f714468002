"""Logs: JSON lines for machines, text for a terminal."""

import json
import logging
import sys
from datetime import UTC, datetime

_ABOUT = ("namespace", "integration", "uid", "run", "job")


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {key: record.__dict__[key] for key in _ABOUT if key in record.__dict__}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class TextFormatter(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        about = " ".join(
            f"{key}={record.__dict__[key]}" for key in _ABOUT if key in record.__dict__
        )
        text = super().format(record)
        return f"{text} [{about}]" if about else text


def configure(*, style: str, level: str) -> None:
    """``style`` is text, json or auto (text in a terminal)."""
    as_text = style == "text" or (style == "auto" and sys.stderr.isatty())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(TextFormatter() if as_text else JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # kopf tells of each handler's success at info: every tick, and every event at debug.
    logging.getLogger("kopf").setLevel(logging.WARNING)
    logging.getLogger("aiohttp").setLevel(logging.WARNING)
