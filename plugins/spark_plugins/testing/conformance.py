"""The conformance kit: a plugin, a destination, everything that goes wrong.

    class WeatherAdapter(Adapter): ...

    @pytest.mark.parametrize("check", checks(WeatherAdapter(), DuckDb()), ids=str)
    def test_weather_conforms(check, tmp_path):
        check.run(tmp_path)

Whatever happened, a clean fetch afterwards must leave every record exactly once, in its newest
version, and no credential may be seen outside of its Secret.
"""

from __future__ import annotations

import base64
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from urllib.parse import quote

from spark_plugins.testing import faults
from spark_plugins.testing.adapter import Adapter
from spark_plugins.testing.faults import FAULTS, Fault
from spark_plugins.testing.pod import Ended, Pod, Running
from spark_plugins.testing.scene import Scene
from spark_plugins.testing.service import Answer, Request, Service
from spark_plugins.testing.targets import Target, new_dataset

RECORDS = 10
# From SIGTERM to the end of the process; Kubernetes waits for 15 s.
ENDS_WITHIN_SECONDS = 13.0


class Nonconformity(AssertionError):
    """What a plugin or a destination did wrong, in a sentence."""


@dataclass(frozen=True)
class Check:
    """One cell of the table."""

    adapter: Adapter
    target: Target
    name: str
    body: Callable[[Stage], str]

    def __str__(self) -> str:
        return f"{self.adapter.plugin}-{self.target.name}-{self.name.replace(' ', '_')}"

    def run(self, folder: Path) -> str:
        """What was counted, for the table; raises `Nonconformity`."""
        with stage(self.adapter, self.target, folder) as here:
            return self.body(here)


@dataclass
class Stage:
    """A service with records, an Integration that fetches them, a place where they go."""

    adapter: Adapter
    target: Target
    folder: Path
    service: Service
    scene: Scene
    pod: Pod
    dataset: str
    # Set while something is wrong with the service.
    spoil: Callable[[Request, Answer], Answer] | None = None

    def answer(self, request: Request) -> Answer:
        answer = self.adapter.answer(request, self.scene)
        if self.spoil is None or not self.adapter.counts(request):
            return answer
        return self.spoil(request, answer)

    def wrong(self, what: str, ended: Ended | None = None) -> Nonconformity:
        tail = f"\n--- the fetch wrote:\n{ended.output[-3000:]}" if ended else ""
        return Nonconformity(f"{self.adapter.plugin} into {self.target.name}: {what}{tail}")

    def rows(self) -> Counter[tuple[str, str]]:
        columns = f'"{self.adapter.key}", "{self.adapter.value}"'
        data = self.pod.base / "data"
        found = self.target.rows(data, self.dataset, self.adapter.table, columns)
        return Counter((str(key), str(value)) for key, value in found)

    def clean_fetch(self) -> None:
        """Fetch with nothing wrong, and find every record once in its newest version."""
        ended = self.fetch()
        if ended.exit != 0:
            raise self.wrong(
                f"a fetch with nothing wrong ends with exit {ended.exit}: {ended.said}", ended
            )
        expected = Counter(self.adapter.row(record) for record in self.scene.records)
        found = self.rows()
        if found != expected:
            raise self.wrong(
                f"{sum((expected - found).values())} records are missing or outdated "
                f"{_some(expected - found)}, {sum((found - expected).values())} are too many "
                f"{_some(found - expected)} after a fetch with nothing wrong",
                ended,
            )

    def unharmed(self, before: Counter[tuple[str, str]], ended: Ended) -> None:
        """After a fetch that failed, each record stands there once, as it was or newer."""
        keys = Counter(key for key, _ in self.rows())
        doubled = [key for key, count in keys.items() if count > 1]
        lost = {key for key, _ in before} - set(keys)
        if doubled or lost:
            raise self.wrong(f"doubled {doubled[:3]}, lost {sorted(lost)[:3]}", ended)

    def fetch(self, timeout_seconds: int = 60) -> Ended:
        return self.seen(self.pod.fetch(timeout_seconds))

    def fetch_beside(self) -> Ended:
        """Fetch in another pod of the same Integration, which shares the claim."""
        base = self.folder / f"{self.dataset}_beside"
        pod = replace(self.pod, base=base)
        (base / "data").rmdir()
        (base / "data").symlink_to(self.pod.base / "data")
        return self.seen(pod.fetch())

    def seen(self, ended: Ended) -> Ended:
        """The same, once nothing secret is found in what it wrote."""
        for key, text in {**self.adapter.credentials, **self._destination_secrets()}.items():
            for form in _forms(text):
                if form in ended.output:
                    raise self.wrong(f"the credential {key} is seen in log or message")
        return ended

    def _destination_secrets(self) -> dict[str, str]:
        return {
            key: text
            for key, text in self.target.secret().items()
            if key in ("password", "secret_access_key", "session_token")
        }

    def no_credential_in_the_destination(self) -> None:
        data = self.pod.base / "data"
        stored = repr(self.target.rows(data, self.dataset, self.adapter.table))
        for key, text in self.adapter.credentials.items():
            if any(form in stored for form in _forms(text)):
                raise self.wrong(f"the credential {key} is seen in the records")


@contextmanager
def stage(adapter: Adapter, target: Target, folder: Path) -> Iterator[Stage]:
    """A dataset of its own, with a service that holds a few records."""
    dataset, scene = new_dataset(), Scene()
    scene.add(RECORDS)
    with Service() as service:
        here = Stage(
            adapter=adapter,
            target=target,
            folder=folder,
            service=service,
            scene=scene,
            dataset=dataset,
            pod=Pod(
                base=folder / dataset,
                plugin=adapter.plugin,
                config=adapter.config(service.url),
                destination=target.destination(dataset),
                credentials=adapter.credentials,
                destination_secret=target.secret(),
                python_path=adapter.python_path,
            ),
        )
        service.otherwise(here.answer)
        yield here


def checks(
    adapter: Adapter,
    target: Target,
    *,
    kills: int = 3,
    seed: int = 1,
    only: Callable[[str], bool] = lambda _name: True,
) -> list[Check]:
    """All checks of a pair; `only` chooses by name."""
    make = partial(Check, adapter, target)
    found = [
        make(fault.name, partial(_fault, fault=fault))
        for fault in FAULTS
        if _applies(adapter, fault)
    ]
    found.append(make("SIGTERM", _sigterm))
    found.append(make("no credential", _credentials))
    if target.locks:
        found.append(make("two at once", _two_at_once))
    if kills:
        found.append(make("kills", partial(_kills, count=kills, seed=seed)))
    return [check for check in found if only(check.name)]


def _applies(adapter: Adapter, fault: Fault) -> bool:
    return fault.name not in adapter.without and (adapter.paged or fault.at == 1)


def _fault(here: Stage, *, fault: Fault) -> str:
    dice = random.Random(fault.name)  # noqa: S311
    if not fault.fresh:
        here.clean_fetch()
    before = here.rows()
    if fault.scene:
        if fault.fresh:
            here.scene = Scene()
            fault.scene(here.scene)
            here.scene.add(RECORDS)
            here.clean_fetch()
            here.scene.edit(dice, 3)
            here.clean_fetch()
        else:
            fault.scene(here.scene)
            here.scene.repeat_outdated = here.adapter.orders_versions
    here.scene.edit(dice, 5)
    here.scene.add(2)

    asked = Counter[str]()

    def spoil(_request: Request, answer: Answer) -> Answer:
        asked["requests"] += 1
        if fault.spoil is None or asked["requests"] < fault.at:
            return answer
        asked["spoilt"] += 1
        return fault.spoil(answer, here.scene)

    here.spoil = spoil
    ended = here.fetch(fault.timeout_seconds)
    here.spoil = None
    if fault.spoil is not None and not asked["spoilt"]:
        raise here.wrong(f"no request number {fault.at} came to be answered with {fault.name}")
    _judge(here, fault, ended)
    here.unharmed(before, ended)
    if fault.exits == {faults.SUCCESS}:
        _drifted(here, ended)
    here.clean_fetch()
    return "ok"


def _judge(here: Stage, fault: Fault, ended: Ended) -> None:
    exits = here.adapter.exits.get(fault.name, fault.exits)
    if ended.exit not in exits:
        expected = " or ".join(map(str, sorted(exits)))
        raise here.wrong(
            f"{fault.name} ends with exit {ended.exit} instead of {expected}: {ended.said}", ended
        )
    if ended.exit != faults.SUCCESS and not ended.said:
        raise here.wrong(f"{fault.name} is not explained to the user", ended)
    if fault.asks_to_wait and faults.RATE_LIMITED in exits:
        asked = ended.message.get("retryAfterSeconds")
        if not isinstance(asked, int) or abs(asked - faults.ASKED_SECONDS) > 2:
            raise here.wrong(
                f"{fault.name}: told to wait for {faults.ASKED_SECONDS} s, it says {asked}", ended
            )


def _drifted(here: Stage, ended: Ended) -> None:
    column = here.adapter.drift_column
    if not here.scene.drift or column is None:
        return
    data = here.pod.base / "data"
    rows = here.target.rows(data, here.dataset, here.adapter.table, f'"{column}"')
    if not any(value is not None for (value,) in rows):
        raise here.wrong(f"what the new field {column} holds did not arrive", ended)


def _sigterm(here: Stage) -> str:
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
            here.service.wait_for(already + place)
            ended = _terminate(here, process)
        finally:
            here.spoil = None
            process.kill()
        if ended.exit != faults.TIMEOUT or not ended.said:
            raise here.wrong(f"SIGTERM ends with exit {ended.exit} instead of 12", ended)
    here.clean_fetch()
    return f"{len(places)}/{len(places)}"


def _terminate(here: Stage, process: Running) -> Ended:
    process.terminate()
    try:
        return here.seen(here.pod.end(process, ENDS_WITHIN_SECONDS))
    except TimeoutError:
        raise here.wrong(f"it runs on for {ENDS_WITHIN_SECONDS:.0f} s after SIGTERM") from None


def _credentials(here: Stage) -> str:
    here.clean_fetch()
    here.no_credential_in_the_destination()
    return "ok"


def _two_at_once(here: Stage) -> str:
    here.clean_fetch()
    here.scene.edit(random.Random(2), 3)  # noqa: S311
    already = len(here.service.requests)
    here.spoil = lambda _request, _answer: Answer(hang=True)
    first = here.pod.start()
    try:
        here.service.wait_for(already + 1)
        here.spoil = None
        # Another pod of the same Integration: its own folders, but the claim.
        second = here.fetch_beside()
        if second.exit != faults.TRANSIENT:
            raise here.wrong(f"a second fetch at the same time ends with {second.exit}", second)
    finally:
        first.kill()
    here.clean_fetch()
    return "ok"


def _kills(here: Stage, *, count: int, seed: int) -> str:
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
    return f"{count}/{count} ({told})"


def _duration_seconds(here: Stage) -> float:
    """From the first request to the end of the process."""
    here.scene.edit(random.Random(0), 3)  # noqa: S311
    already = len(here.service.requests)
    process = here.pod.start()
    here.service.wait_for(already + 1)
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
        here.service.wait_for(already + 1)
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


def _forms(secret: str) -> set[str]:
    """As it stands, in an address, and in an Authorization header's base64 at any place."""
    raw = secret.encode()
    in_base64 = {
        base64.b64encode(b"\0" * offset + raw).decode()[(0, 2, 3)[offset] : -4]
        for offset in range(3)
    }
    return {form for form in {secret, quote(secret, safe=""), *in_base64} if len(form) > 5}


def _some(rows: Counter[tuple[str, str]]) -> str:
    return f"({', '.join(map(repr, list(rows)[:2]))})" if rows else ""
