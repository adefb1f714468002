"""From watch events to the cache, and from the cache to whom they concern."""

from collections.abc import Callable, Mapping
from typing import Any

from spark_operator.model import integration, job, plugin, scheduler
from spark_operator.serve.cache import Cache
from spark_operator.serve.clock import Clock


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

    def integration(self, deleted: bool, body: Mapping[str, Any]) -> None:
        seen = integration.parse(body)
        if deleted:
            self._cache.remove_integration(seen.uid)
            self._forget(seen.uid)
        elif self._cache.put_integration(seen):
            self._concerned([seen.uid])

    def job(self, deleted: bool, body: Mapping[str, Any]) -> None:
        seen = job.parse(body)
        if deleted:
            self._cache.remove_job(seen)
            self._concerned([seen.owner_uid])
        elif self._cache.put_job(seen, self._clock.monotonic()):
            self._concerned([seen.owner_uid])

    def plugin(self, deleted: bool, body: Mapping[str, Any]) -> None:
        seen = plugin.parse(body)
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
        seen = scheduler.parse(body)
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
                if self._cache.scheduler is not None:
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
