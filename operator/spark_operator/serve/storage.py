"""kopf's storages, holding nothing: it shall not leave a trace in anybody's objects, nor look for one.

By default kopf copies each object of each event in full, to compare it with what it last handled, which
only handlers of changes need. Ours take events and a timer; for them the copies were a fifth of the CPU
of a dispatch. And it remembers something about each object, which only timers and retries need.
"""
# ruff: noqa: ARG002 - the arguments are kopf's.

from collections.abc import Iterable
from typing import cast

import kopf
from kopf._cogs.configs.progress import ProgressRecord
from kopf._cogs.structs import bodies, dicts, ephemera, ids, patches
from kopf._core.reactor.inventory import ResourceMemories, ResourceMemory

_CARRIES_THE_TIMER = "Scheduler"


class NoDiffBase(kopf.DiffBaseStorage):
    """Every object looks as it always did."""

    def build(
        self, *, body: bodies.Body, extra_fields: Iterable[dicts.FieldSpec] | None = None
    ) -> bodies.BodyEssence:
        return cast(bodies.BodyEssence, {})

    def fetch(self, *, body: bodies.Body) -> bodies.BodyEssence | None:
        return cast(bodies.BodyEssence, {})

    def store(
        self, *, body: bodies.Body, patch: patches.Patch, essence: bodies.BodyEssence
    ) -> None:
        pass


class NoProgress(kopf.ProgressStorage):
    """No handler of ours is ever half done."""

    def fetch(self, *, key: ids.HandlerId, body: bodies.Body) -> ProgressRecord | None:
        return None

    def store(
        self,
        *,
        key: ids.HandlerId,
        record: ProgressRecord,
        body: bodies.Body,
        patch: patches.Patch,
    ) -> None:
        pass

    def purge(self, *, key: ids.HandlerId, body: bodies.Body, patch: patches.Patch) -> None:
        pass

    def touch(self, *, body: bodies.Body, patch: patches.Patch, value: str | None) -> None:
        pass

    def clear(self, *, essence: bodies.BodyEssence) -> bodies.BodyEssence:
        return essence


class OnlyOfSchedulers(ResourceMemories):
    """What carries the timer is remembered; thousands of Integrations and Jobs are not."""

    async def recall(
        self,
        raw_body: bodies.RawBody,
        *,
        memobase: ephemera.AnyMemo | None = None,
        noticed_by_listing: bool = False,
        ephemeral: bool = False,
    ) -> ResourceMemory:
        return await super().recall(
            raw_body,
            memobase=memobase,
            noticed_by_listing=noticed_by_listing,
            ephemeral=ephemeral or raw_body.get("kind") != _CARRIES_THE_TIMER,
        )
