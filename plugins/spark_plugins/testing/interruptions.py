"""What ends a fetch from outside: SIGTERM at known places, both signals at random moments."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from contextlib import suppress

from spark_plugins.testing import faults
from spark_plugins.testing.pod import AMPLE_SECONDS, Ended, Running
from spark_plugins.testing.service import Answer, Request
from spark_plugins.testing.stage import Counted, Stage

# From SIGTERM to the end of the process; Kubernetes waits for 15 s.
ENDS_WITHIN_SECONDS = 13.0


def sigterm(here: Stage) -> Counted:
    here.clean_fetch()
    places = (1, 2) if here.adapter.paged else (1,)
    for place in places:
        here.scene.edit(random.Random(place), 5)  # noqa: S311
        already = len(here.service.requests)
        asked = Counter[str]()

        def hang(
            _request: Request, answer: Answer, place: int = place, asked: Counter[str] = asked
        ) -> Answer:
            asked["requests"] += 1
            return Answer(hang=True) if asked["requests"] >= place else answer

        here.spoil = hang
        process = here.pod.start()
        try:
            here.service.wait_for(already + place, AMPLE_SECONDS)
            ended = _terminate(here, process)
        finally:
            here.spoil = None
            process.kill()
        if ended.exit != faults.TIMEOUT or not ended.said:
            raise here.wrong(f"SIGTERM ends with exit {ended.exit} instead of 12", ended)
    here.clean_fetch()
    return Counted(kills=len(places))


def _terminate(here: Stage, process: Running) -> Ended:
    process.terminate()
    try:
        return here.seen(here.pod.end(process, ENDS_WITHIN_SECONDS))
    except TimeoutError:
        raise here.wrong(f"it runs on for {ENDS_WITHIN_SECONDS:.0f} s after SIGTERM") from None


def kills(here: Stage, *, count: int, seed: int) -> Counted:
    """Signals at random moments; a clean fetch after each."""
    dice = random.Random(f"{seed}/{here.adapter.plugin}/{here.target.name}")  # noqa: S311
    here.clean_fetch()
    took = _duration_seconds(here)
    places = Counter[str]()
    for _ in range(count):
        here.scene.edit(dice, dice.randint(1, 6))
        here.scene.add(dice.randint(0, 2))
        before = here.rows()
        already = len(here.service.requests)
        process = here.pod.start()
        sent = _at_a_random_moment(here, process, already, dice, took)
        if sent is signal.SIGTERM:
            ended = _terminate(here, process)
        else:
            process.kill()
            ended = here.seen(here.pod.end(process))
        if ended.exit not in (0, faults.TIMEOUT, -signal.SIGKILL, -signal.SIGTERM):
            raise here.wrong(f"{sent.name} ends with exit {ended.exit} (seed {seed})", ended)
        places[_place(here, ended, already)] += 1
        here.unharmed(before, ended)
        here.clean_fetch()
    told = ", ".join(f"{number} {place}" for place, number in sorted(places.items()))
    return Counted(kills=count, places=told)


def _duration_seconds(here: Stage) -> float:
    """From the first request to the end of the process."""
    here.scene.edit(random.Random(0), 3)  # noqa: S311
    already = len(here.service.requests)
    process = here.pod.start()
    here.service.wait_for(already + 1, AMPLE_SECONDS)
    began = time.monotonic()
    here.seen(here.pod.end(process))
    return time.monotonic() - began


def _at_a_random_moment(
    here: Stage,
    process: Running,
    already: int,
    dice: random.Random,
    took_seconds: float,
) -> signal.Signals:
    """Wait for it; what to send then. Most of a process is its start, which no signal harms: one
    of five falls there, the others after the first request."""
    if dice.random() < 0.2:
        moment = dice.uniform(0.0, 1.0)
    else:
        here.service.wait_for(already + 1, AMPLE_SECONDS)
        moment = dice.uniform(0.0, took_seconds * 1.1)
    with suppress(TimeoutError):
        process.wait(moment)
    return dice.choice((signal.SIGTERM, signal.SIGKILL))


def _place(here: Stage, ended: Ended, already: int) -> str:
    if ended.exit == 0:
        return "after the end"
    if "Loading" in ended.output:
        return "loading"
    return "fetching" if len(here.service.requests) > already else "starting"
