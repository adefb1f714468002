"""The kopf handlers: short and dull. Events go to the intake, the timer goes to the tick."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import kopf

from spark_operator.act import jobs
from spark_operator.model.names import GROUP, VERSION
from spark_operator.serve.connection import Connection
from spark_operator.serve.intake import Intake
from spark_operator.serve.leader import TICK_SECONDS
from spark_operator.serve.storage import NoDiffBase, NoProgress


def settings() -> kopf.OperatorSettings:
    """kopf as a source of watch events and of one timer, and nothing else."""
    chosen = kopf.OperatorSettings()
    chosen.posting.enabled = False
    chosen.persistence.diffbase_storage = NoDiffBase()
    chosen.persistence.progress_storage = NoProgress()
    chosen.process.ultimate_exiting_timeout = None
    chosen.scanning.disabled = True
    # A server ends a quiet watch; a dead connection is noticed by the missing bookmarks (60 s).
    chosen.watching.server_timeout = 300
    chosen.watching.client_timeout = 330
    chosen.watching.inactivity_timeout = 70.0
    chosen.watching.chunk_size = 500
    chosen.watching.label_selectors["batch", "v1", "jobs"] = jobs.SELECTOR
    chosen.networking.request_timeout = 30
    chosen.networking.connect_timeout = 5
    # Endless: an API server that is away for an hour is no reason to end.
    chosen.networking.error_backoffs = _Endless()
    chosen.queueing.exit_timeout = 0.2
    # A worker that waits for more events of its object costs memory, and at the start there is one for
    # each object within a second. Those of one write come within this time.
    chosen.queueing.idle_timeout = 0.2
    return chosen


class _Endless:
    """1, 2, 4, 8, 10, 10 … seconds; iterated anew for each request.

    What was asked for during an outage is seen only when the watches are back.
    """

    def __iter__(self) -> "Any":
        delay = 1.0
        while True:
            yield delay
            delay = min(delay * 2, 10.0)


def register(
    *,
    intake: Intake,
    connection: Connection,
    scheduler_key: tuple[str, str],
    scheduler_uid: Callable[[], str | None],
    tick: Callable[[], Awaitable[None]],
) -> kopf.OperatorRegistry:
    """A registry with our handlers alone."""
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.AiohttpSession:
        return kopf.AiohttpSession(
            aiohttp_session=connection.session(), server=connection.server, default_namespace=None
        )

    def watch(group: str, version: str, plural: str, take: Callable[[bool, Any], None]) -> None:
        async def changed(event: Mapping[str, Any], **_: Any) -> None:
            take(event["type"] == "DELETED", event["object"])

        kopf.on.event(group, version, plural, id=f"{plural}-changed", registry=registry)(changed)

    watch(GROUP, VERSION, "integrations", intake.integration)
    watch(GROUP, VERSION, "plugins", intake.plugin)
    watch(GROUP, VERSION, "schedulers", intake.scheduler)
    watch("batch", "v1", "jobs", intake.job)

    @kopf.timer(
        GROUP,
        VERSION,
        "schedulers",
        id="tick",
        interval=TICK_SECONDS,
        sharp=True,
        when=lambda namespace, name, **_: (namespace, name) == scheduler_key,
        registry=registry,
    )
    async def tick_timer(uid: str, **_: Any) -> None:
        known = scheduler_uid()
        if known is not None and known != uid:
            # A timer without a finalizer outlives its object. This Scheduler was deleted and made
            # anew, which has a timer of its own: this one ends itself.
            task = asyncio.current_task()
            if task is not None:
                task.cancel()
            return
        await tick()

    _drop_finalizers(registry)
    return registry


def _drop_finalizers(registry: kopf.OperatorRegistry) -> None:
    """kopf would put a finalizer on whatever carries a timer, and a Scheduler with a finalizer makes
    ``helm uninstall`` and the deletion of its namespace hang while no replica runs."""
    spawning = registry._spawning
    spawning._handlers[:] = [
        dataclasses.replace(handler, requires_finalizer=False) for handler in spawning._handlers
    ]
