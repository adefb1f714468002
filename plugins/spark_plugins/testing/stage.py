"""Where a check takes place: a service with records, an Integration, a dataset of its own."""

from __future__ import annotations

import base64
import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from spark_plugins.testing.adapter import Adapter
from spark_plugins.testing.pod import AMPLE_SECONDS, Ended, Pod
from spark_plugins.testing.scene import Scene
from spark_plugins.testing.service import Answer, Request, Service
from spark_plugins.testing.targets import Target, new_dataset

RECORDS = 10


class Nonconformity(AssertionError):
    """What a plugin or a destination did wrong, in a sentence."""


@dataclass(frozen=True)
class Counted:
    """What a check that passed has counted; `rows` is filled in at its end."""

    kills: int = 0
    places: str = ""
    rows: int = 0


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
        return Counter((_text(key), _text(value)) for key, value in found)

    def clean_fetch(self) -> Ended:
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
        return ended

    def unharmed(self, before: Counter[tuple[str, str]], ended: Ended) -> None:
        """After a fetch that failed, each record stands there once, as it was or newer."""
        keys = Counter(key for key, _ in self.rows())
        doubled = [key for key, count in keys.items() if count > 1]
        lost = {key for key, _ in before} - set(keys)
        if doubled or lost:
            raise self.wrong(f"doubled {doubled[:3]}, lost {sorted(lost)[:3]}", ended)

    def fetch(self, timeout_seconds: int = AMPLE_SECONDS) -> Ended:
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
                addresses=adapter.addresses(service.url),
            ),
        )
        service.otherwise(here.answer)
        yield here


def _forms(secret: str) -> set[str]:
    """As it stands, in an address, and in an Authorization header's base64 at any place."""
    raw = secret.encode()
    in_base64 = {
        base64.b64encode(b"\0" * offset + raw).decode()[(0, 2, 3)[offset] : -4]
        for offset in range(3)
    }
    return {form for form in {secret, quote(secret, safe=""), *in_base64} if len(form) > 5}


def _text(value: Any) -> str:
    """As text; a moment in UTC, as destinations give back different zones."""
    if isinstance(value, dt.datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=dt.UTC)
        return moment.astimezone(dt.UTC).isoformat()
    return str(value)


def _some(rows: Counter[tuple[str, str]]) -> str:
    return f"({', '.join(map(repr, list(rows)[:2]))})" if rows else ""
