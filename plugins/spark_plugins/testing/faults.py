"""What goes wrong with a service, and how a fetch must end then."""

from __future__ import annotations

import datetime as dt
import email.utils
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from spark_plugins.testing.pod import AMPLE_SECONDS
from spark_plugins.testing.scene import Scene
from spark_plugins.testing.service import Answer

SUCCESS, TRANSIENT, PERMANENT, RATE_LIMITED, TIMEOUT = 0, 1, 10, 11, 12
ASKED_SECONDS = 37
HOUR = dt.timedelta(hours=1)


@dataclass(frozen=True)
class Fault:
    """`spoil` answers in place of the service, from its `at`-th request on; `scene` changes what
    the service holds. `exits` are the exit codes that tell the truth about it."""

    name: str
    exits: frozenset[int]
    spoil: Callable[[Answer, Scene], Answer] | None = None
    scene: Callable[[Scene], None] | None = None
    at: int = 1
    # Begins with a dataset of its own, since nobody's clock is set back by an hour midway.
    fresh: bool = False
    asks_to_wait: bool = False
    timeout_seconds: int = AMPLE_SECONDS


def _status(status: int, **headers: str) -> Callable[[Answer, Scene], Answer]:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return lambda _answer, _scene: Answer(status, b"no", named)


def _wait_until(_answer: Answer, scene: Scene) -> Answer:
    def date(moment: dt.datetime) -> str:
        return email.utils.format_datetime(moment, usegmt=True)

    now = scene.now()
    until = now + dt.timedelta(seconds=ASKED_SECONDS)
    return Answer(429, b"", {"Date": date(now), "Retry-After": date(until)})


def _bytes(answer: Answer) -> bytes:
    return answer.body if isinstance(answer.body, bytes) else b"".join(answer.body)


def _slow(answer: Answer, _scene: Scene) -> Answer:
    body, pause = _bytes(answer), threading.Event()

    def drip() -> Iterator[bytes]:
        # Each byte in time, all of them never: the last one is kept back.
        for number in range(3600):
            yield body[number : number + 1] if number < len(body) - 1 else b""
            pause.wait(0.2)

    return Answer(answer.status, drip(), answer.headers)


def _cut(answer: Answer, _scene: Scene) -> Answer:
    body = _bytes(answer)
    return Answer(
        answer.status, body[: len(body) // 2], {**answer.headers, "Content-Length": str(len(body))}
    )


def _wrong(_answer: Answer, _scene: Scene) -> Answer:
    return Answer(200, b'{"records": [{"id": 1, ', {"Content-Type": "application/json"})


def _page_for_people(_answer: Answer, _scene: Scene) -> Answer:
    return Answer(200, b"<html><body>Sign in</body></html>", {"Content-Type": "text/html"})


def _set(**values: object) -> Callable[[Scene], None]:
    def change(scene: Scene) -> None:
        for name, value in values.items():
            setattr(scene, name, value)

    return change


_BROKEN = frozenset((TRANSIENT, PERMANENT))

FAULTS: tuple[Fault, ...] = (
    Fault("401", frozenset((PERMANENT,)), _status(401)),
    Fault("403", frozenset((PERMANENT,)), _status(403)),
    Fault("404", frozenset((PERMANENT,)), _status(404)),
    Fault(
        "429 seconds",
        frozenset((RATE_LIMITED,)),
        _status(429, Retry_After=str(ASKED_SECONDS)),
        asks_to_wait=True,
    ),
    Fault("429 date", frozenset((RATE_LIMITED,)), _wait_until, asks_to_wait=True),
    Fault("500", frozenset((TRANSIENT,)), _status(500)),
    Fault("slow body", frozenset((TRANSIENT, TIMEOUT)), _slow, timeout_seconds=13),
    Fault("cut body", frozenset((TRANSIENT,)), _cut),
    Fault("wrong JSON", _BROKEN, _wrong),
    Fault("HTML with 200", _BROKEN, _page_for_people),
    Fault("401 on page 2", frozenset((PERMANENT,)), _status(401), at=2),
    Fault(
        "429 on page 2",
        frozenset((RATE_LIMITED,)),
        _status(429, Retry_After=str(ASKED_SECONDS)),
        at=2,
        asks_to_wait=True,
    ),
    Fault("500 on page 2", frozenset((TRANSIENT,)), _status(500), at=2),
    Fault("cut body on page 2", frozenset((TRANSIENT,)), _cut, at=2),
    Fault("wrong JSON on page 2", _BROKEN, _wrong, at=2),
    Fault("schema drift", frozenset((SUCCESS,)), scene=_set(drift=True)),
    Fault("empty page", frozenset((SUCCESS,)), scene=_set(empty_page=True)),
    Fault("duplicate page", frozenset((SUCCESS,)), scene=_set(repeat_page=True)),
    Fault("clock ahead", frozenset((SUCCESS,)), scene=_set(clock_ahead=HOUR), fresh=True),
    Fault("clock behind", frozenset((SUCCESS,)), scene=_set(clock_ahead=-HOUR), fresh=True),
)
