"""From watch events to the cache: one object that trips a defect of ours must not stop the others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from spark_operator.act import objects
from spark_operator.act.api import Api
from spark_operator.model import integration, job, plugin, scheduler
from spark_operator.serve.cache import Cache
from spark_operator.serve.clock import Clock
from spark_operator.serve.intake import Intake
from spark_operator.serve.relist import relist

PARSERS = {"integrations": integration, "jobs": job, "plugins": plugin, "schedulers": scheduler}


def body(uid: str, version: int = 1, name: str = "spark") -> dict[str, Any]:
    metadata = {"uid": uid, "namespace": "spark", "name": name, "resourceVersion": str(version)}
    return {"metadata": metadata}


class Watched:
    """An intake with its cache, and what it told."""

    def __init__(self) -> None:
        self.cache = Cache(("spark", "spark"))
        self.concerned: list[str] = []
        self.forgotten: list[str] = []
        self.intake = Intake(
            cache=self.cache,
            clock=Clock(),
            concerned=self.concerned.extend,
            forget=self.forgotten.append,
        )

    def hear(self, kind: str, told: dict[str, Any], *, deleted: bool = False) -> None:
        getattr(self.intake, kind.removesuffix("s"))(deleted, told)


@pytest.fixture
def watched() -> Watched:
    return Watched()


@pytest.fixture
def defect(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every parser fails for the uid "odd"."""
    for module in PARSERS.values():

        def parse(told: Any, _parse: Any = module.parse) -> Any:
            if told["metadata"]["uid"] == "odd":
                raise ZeroDivisionError
            return _parse(told)

        monkeypatch.setattr(module, "parse", parse)


async def whole(watched: Watched, monkeypatch: pytest.MonkeyPatch, **listed: list[str]) -> bool:
    async def existing(api: Api, kind: str, namespaces: Any) -> AsyncIterator[tuple[str, int]]:
        for uid in listed.get(kind, ()):
            yield uid, 1

    monkeypatch.setattr(objects, "existing", existing)
    return await relist(None, watched.cache, (None,), watched.intake.ghost)  # type: ignore[arg-type]


@pytest.mark.usefixtures("defect")
@pytest.mark.parametrize("kind", PARSERS)
async def test_an_object_that_cannot_be_read_is_reported_and_the_caches_are_whole_without_it(
    watched: Watched, kind: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    watched.hear(kind, body("odd", name="strange"))
    watched.hear("integrations", body("fine"))
    assert "/strange" in caplog.text
    assert [record.__dict__["uid"] for record in caplog.records] == ["odd"]
    assert "ZeroDivisionError" in caplog.text
    assert watched.concerned == ["fine"]
    listed = {kind: ["odd"]}
    listed["integrations"] = [*listed.get("integrations", ()), "fine"]
    assert await whole(watched, monkeypatch, **listed)
    assert set(watched.cache.integrations) == {"fine"}
    assert not await whole(watched, monkeypatch, **{**listed, kind: ["odd", "unknown"]}) or (
        kind == "schedulers"
    )


@pytest.mark.usefixtures("defect")
async def test_what_was_known_of_it_stays_until_it_is_deleted(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = integration.parse({**body("x"), "metadata": {**body("x")["metadata"], "uid": "odd2"}})
    watched.cache.put_integration(known)
    monkeypatch.setattr(integration, "parse", lambda _: 1 / 0)
    watched.hear("integrations", body("odd2", version=2))
    assert await whole(watched, monkeypatch, integrations=["odd2"])
    assert watched.cache.integrations["odd2"].integration == known
    watched.hear("integrations", body("odd2", version=3), deleted=True)
    assert not watched.cache.integrations
    assert not watched.cache.unreadable
    assert watched.forgotten == ["odd2"]


async def test_once_it_can_be_read_it_is_as_any_other(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(integration, "parse", lambda _: 1 / 0)
        watched.hear("integrations", body("x"))
    watched.hear("integrations", body("x", version=2))
    assert watched.concerned == ["x"]
    assert not watched.cache.unreadable


async def test_a_ghost_of_another_installation_does_not_take_our_scheduler(
    watched: Watched,
) -> None:
    watched.hear("schedulers", body("ours"))
    watched.intake.ghost("schedulers", "theirs")
    assert watched.cache.scheduler is not None


OWNED = {
    "apiVersion": "spark-integrations.dev/v1",
    "kind": "Integration",
    "name": "spark",
    "uid": "mine",
    "controller": True,
}


def owned(uid: str, namespace: str = "spark", **owner: Any) -> dict[str, Any]:
    """A Job of one name, with the Integration "mine" of namespace "spark" for its owner."""
    metadata = {**body(uid)["metadata"], "namespace": namespace, "name": "job"}
    return {"metadata": {**metadata, "ownerReferences": [{**OWNED, **owner}]}}


def test_a_job_in_another_namespace_is_nobodys_whatever_it_says_of_its_owner(
    watched: Watched,
) -> None:
    mine = integration.parse(body("mine"))
    watched.cache.put_integration(mine)
    watched.hear("jobs", owned("forged", "mallory"))
    assert watched.cache.jobs_of(mine) == ()
    assert not watched.cache.job_seen(mine, "job")
    watched.hear("jobs", owned("true"))
    watched.hear("jobs", owned("forged", "mallory"))
    assert [j.uid for j in watched.cache.jobs_of(mine)] == ["true"]
    watched.hear("jobs", owned("forged", "mallory"), deleted=True)
    assert [j.uid for j in watched.cache.jobs_of(mine)] == ["true"]
    assert watched.cache.job_seen(mine, "job")


@pytest.mark.parametrize(
    "owner", [{"kind": "ConfigMap"}, {"apiVersion": "example.com/v1"}, {"controller": False}]
)
def test_a_job_that_no_integration_controls_is_nobodys(
    watched: Watched, owner: dict[str, Any]
) -> None:
    mine = integration.parse(body("mine"))
    watched.cache.put_integration(mine)
    watched.hear("jobs", owned("forged", **owner))
    assert watched.cache.jobs_of(mine) == ()
