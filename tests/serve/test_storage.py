"""What kopf would keep of each object, and write into it, if it were let."""

from __future__ import annotations

import asyncio
import datetime

from kopf._cogs.structs import bodies, ids, patches

from spark_operator.serve import handlers
from spark_operator.serve.storage import OnlyOfSchedulers

BODY = bodies.Body(
    {
        "metadata": {"name": "a", "annotations": {"one": "1"}},
        "spec": {"service": "demo"},
    }
)


def test_no_object_ever_differs_from_what_was_handled_last() -> None:
    storage = handlers.settings().persistence.diffbase_storage
    assert storage.build(body=BODY, extra_fields=["status.run"]) == storage.fetch(body=BODY)


def test_nothing_is_written_into_an_object() -> None:
    persistence = handlers.settings().persistence
    patch = patches.Patch()
    now = datetime.datetime.now(datetime.UTC).isoformat()
    key = ids.HandlerId("tick")
    persistence.diffbase_storage.store(body=BODY, patch=patch, essence={})
    persistence.progress_storage.touch(body=BODY, patch=patch, value=now)
    persistence.progress_storage.store(key=key, record={}, body=BODY, patch=patch)
    persistence.progress_storage.purge(key=key, body=BODY, patch=patch)
    assert not patch
    assert persistence.progress_storage.fetch(key=key, body=BODY) is None


def test_only_what_carries_the_timer_is_remembered() -> None:
    memories = OnlyOfSchedulers()

    async def recall(kind: str) -> None:
        body = bodies.RawBody({"kind": kind, "metadata": {"uid": f"uid-{kind}"}})
        await memories.recall(body)

    for kind in ("Integration", "Job", "Plugin", "Scheduler"):
        asyncio.run(recall(kind))
    assert len(list(memories.iter_all_memories())) == 1
