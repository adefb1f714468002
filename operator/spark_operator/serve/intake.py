"""From watch events to the cache, and from the cache to whom they concern."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from spark_operator.model import fields, integration, job, plugin, scheduler
from spark_operator.serve.cache import Cache
from spark_operator.serve.clock import Clock

logger = logging.getLogger(__name__)

_T = TypeVar("_T")


class Intake:
    """``concerned`` gets the uids to look at again; in a standby nobody listens."""

    def __init__(
        self,
        *,
        cache: Cache,
        clock: Clock,
        concerned: Callable[[list[str]], None],
        forget: Callable[[str], None],
    ) -> None:
        self._cache = cache
        self._clock = clock
        self._concerned = concerned
        self._forget = forget

    def _read(
        self,
        kind: str,
        parse: Callable[[Mapping[str, Any]], _T],
        deleted: bool,
        body: Mapping[str, Any],
    ) -> _T | None:
        """The object, or None where reading it trips a defect of ours.

        That must not hold up the others: the caches count as whole without it. What was known of it
        stays, since no write that is decided from an old state comes through; and of one that was
        deleted no more needs to be read than its uid.
        """
        metadata = fields.mapping(body.get("metadata"))
        uid = fields.text(metadata.get("uid"))
        self._cache.unreadable.discard(uid)
        try:
            return parse(body)
        except Exception:
            namespace, name = (fields.text(metadata.get(k)) for k in ("namespace", "name"))
            logger.exception(
                "one of the %s cannot be read: %s/%s", kind, namespace, name, extra={"uid": uid}
            )
        if deleted:
            self.ghost(kind, uid)
        else:
            self._cache.unreadable.add(uid)
        return None

    def integration(self, deleted: bool, body: Mapping[str, Any]) -> None:
        seen = self._read("integrations", integration.parse, deleted, body)
        if seen is None:
            return
        if deleted:
            self._cache.remove_integration(seen.uid)
            self._forget(seen.uid)
        elif self._cache.put_integration(seen):
            self._concerned([seen.uid])

    def job(self, deleted: bool, body: Mapping[str, Any]) -> None:
        seen = self._read("jobs", job.parse, deleted, body)
        if seen is None:
            return
        if deleted:
            self._cache.remove_job(seen)
            self._concerned([seen.owner_uid])
        elif self._cache.put_job(seen, self._clock.monotonic()):
            self._concerned([seen.owner_uid])

    def plugin(self, deleted: bool, body: Mapping[str, Any]) -> None:
        seen = self._read("plugins", plugin.parse, deleted, body)
        if seen is None:
            return
        if deleted:
            self._cache.remove_plugin(seen)
        elif not self._cache.put_plugin(seen):
            return
        self._concerned(
            [
                uid
                for uid, entry in self._cache.integrations.items()
                if entry.integration.spec.service == seen.name
            ]
        )

    def scheduler(self, deleted: bool, body: Mapping[str, Any]) -> None:
        seen = self._read("schedulers", scheduler.parse, deleted, body)
        if seen is None:
            return
        before = self._cache.scheduler
        if deleted:
            self._cache.remove_scheduler(seen)
        elif not self._cache.put_scheduler(seen):
            return
        after = self._cache.scheduler
        if before is None or after is None or _matters(before, after):
            self._concerned(list(self._cache.integrations))

    def ghost(self, kind: str, uid: str) -> None:
        """Gone without an event."""
        match kind:
            case "integrations":
                self._cache.remove_integration(uid)
                self._forget(uid)
            case "plugins":
                for known in [p for p in self._cache.plugins.values() if p.uid == uid]:
                    self._cache.remove_plugin(known)
                    self._concerned(list(self._cache.integrations))
            case "schedulers":
                if self._cache.scheduler is not None and self._cache.scheduler.uid == uid:
                    self._cache.remove_scheduler(self._cache.scheduler)
                    self._concerned(list(self._cache.integrations))
            case "jobs":
                for known_job in [j for j in self._cache.all_jobs() if j.uid == uid]:
                    self._cache.remove_job(known_job)
                    self._concerned([known_job.owner_uid])


def _matters(before: scheduler.Scheduler, after: scheduler.Scheduler) -> bool:
    """Whether the spec changed: our own heartbeat in the status concerns nobody."""
    return _without_version(before) != _without_version(after)


def _without_version(of: scheduler.Scheduler) -> tuple[object, ...]:
    return (
        of.uid,
        of.suspend,
        of.max_concurrent_fetches,
        of.destination,
        of.history_succeeded,
        of.history_failed,
        of.pod_template,
    )
