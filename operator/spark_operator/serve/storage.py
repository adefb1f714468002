"""kopf's two storages, holding nothing: it shall not leave a trace in anybody's objects, nor look for one.

By default kopf copies each object of each event in full, to compare it with what it last handled, which
only handlers of changes need. Ours take events and a timer; for them the copies were a fifth of the CPU
of a dispatch.
"""
# ruff: noqa: ARG002 - the arguments are kopf's.

from collections.abc import Iterable
from typing import cast

import kopf
from kopf._cogs.configs.progress import ProgressRecord
from kopf._cogs.structs import bodies, dicts, ids, patches


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
