"""An API server and a Job controller in memory: compare-and-set, names that exist once, and a record.

Whatever changes is told to the oracle as it happens, whoever did it; and to the replica through a
watch, which may be late.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from tests.simulation.fates import Fate
from tests.simulation.oracle import Oracle

from spark_operator.model import status as status_model
from spark_operator.model import timestamps
from spark_operator.model.integration import Integration
from spark_operator.model.job import Job
from spark_operator.model.plugin import Plugin
from spark_operator.model.pod import NO_POD, PodReport
from spark_operator.model.scheduler import Scheduler
from spark_operator.model.status import Run, Status

START = datetime(2027, 6, 1, tzinfo=UTC)  # its year has a leap day
# One write in so many goes through the form in which the API server keeps it, which is slow.
_WRITTEN_OUT_EVERY = 29


class Rejected(Exception):
    """The Job cannot be made, now or ever under that name."""


class Agenda:
    """Events in the order of their time; nothing waits for anything real."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self.seconds = 0.0
        self.now = START
        self._heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._order = count()

    def at(self, seconds: float, act: Callable[..., None], *arguments: Any) -> None:
        heapq.heappush(self._heap, (max(seconds, self.seconds), next(self._order), act, arguments))

    def after(self, delay: float, act: Callable[..., None], *arguments: Any) -> None:
        self.at(self.seconds + delay, act, *arguments)

    def run(self, until: float) -> None:
        heap = self._heap
        while heap and heap[0][0] <= until:
            self.seconds, _, act, arguments = heapq.heappop(heap)
            self._oracle.seconds = self.seconds
            self.now = START + timedelta(seconds=self.seconds)
            act(*arguments)


class Server:
    """``told(kind, deleted, object)`` is the watch; what the replica itself wrote is not told to it."""

    def __init__(self, agenda: Agenda, oracle: Oracle) -> None:
        self.agenda = agenda
        self.oracle = oracle
        self.told: Callable[[str, bool, Any], None] = lambda *_: None
        self.fate_of: Callable[[Integration, Run], Fate] = lambda *_: Fate()
        self.integrations: dict[str, Integration] = {}
        # One state back: what a watch cache that lags would still tell.
        self.earlier: dict[str, Integration] = {}
        self.jobs: dict[str, dict[str, Job]] = {}
        self.plugins: dict[str, Plugin] = {}
        self.scheduler: Scheduler | None = None
        self._fates: dict[str, Fate] = {}
        self._version = count(1000)
        self._writes = 0

    def version(self) -> int:
        return next(self._version)

    # --- Integrations

    def apply(self, integration: Integration) -> None:
        """A user's write: of spec or annotation, or of a new object."""
        stored = replace(integration, resource_version=self.version())
        if known := self.integrations.get(stored.uid):
            self.earlier[stored.uid] = known
        self.integrations[stored.uid] = stored
        self.told("integration", False, stored)

    def remove(self, uid: str) -> None:
        """The owner goes, and its Jobs go with it."""
        gone = self.integrations.pop(uid)
        self.earlier.pop(uid, None)
        for job in self.jobs.pop(uid, {}).values():
            self.told("job", True, job)
        self.oracle.removed(uid)
        self.told("integration", True, gone)

    def write_status(self, seen: Integration, status: Status) -> Integration | None:
        """Compare-and-set: None where the object is not the one that was decided upon."""
        stored = self.integrations.get(seen.uid)
        if stored is None or stored.resource_version != seen.resource_version:
            self.oracle.seen["conflicts"] += 1
            return None
        self._writes += 1
        if self._writes % _WRITTEN_OUT_EVERY == 0:
            _survives_being_written(status)
        after = Integration(
            stored.uid,
            stored.namespace,
            stored.name,
            stored.generation,
            self.version(),
            stored.created_at,
            stored.deleting,
            stored.requested_at,
            stored.spec,
            status,
            stored.requested_mode,
            stored.requested_since,
            stored.reset_at,
        )
        self.earlier[seen.uid] = stored
        self.integrations[seen.uid] = after
        self.oracle.written(stored, after)
        return after

    # --- Jobs

    def create_job(self, integration: Integration, run: Run, *, late: bool = False) -> Job:
        """Make it, or give back the one of that name. ``late``: by a leader that was frozen."""
        if integration.uid not in self.integrations:
            raise Rejected("the owner is gone")
        jobs = self.jobs.setdefault(integration.uid, {})
        if known := jobs.get(run.job_name):
            return known
        fate = self.fate_of(integration, run)
        if fate.rejected:
            self.oracle.rejected(integration.uid, run.number)
            raise Rejected("exceeded quota: pods")
        job = Job(
            uid=f"j{self.version()}",
            namespace=integration.namespace,
            name=run.job_name,
            resource_version=self.version(),
            owner_uid=integration.uid,
            run_number=run.number,
            created_at=timestamps.whole_seconds(self.agenda.now),
            deadline_seconds=integration.spec.timeout_seconds,
            ready=fate.ready_after == 0,
        )
        jobs[job.name] = job
        self._fates[job.uid] = fate
        self.oracle.job_created(job, fate, late=late)
        if fate.ready_after:
            self.agenda.after(
                fate.ready_after, self._becomes_ready, job.owner_uid, job.name, job.uid
            )
        if fate.seconds is not None:
            self.agenda.after(fate.seconds, self._ends, job.owner_uid, job.name, job.uid)
        if late:
            self.told("job", False, job)
        return job

    def job(self, owner_uid: str, name: str, uid: str) -> Job | None:
        job = self.jobs.get(owner_uid, {}).get(name)
        return job if job is not None and job.uid == uid else None

    def pod_report(self, job: Job) -> PodReport:
        fate = self._fates.get(job.uid)
        current = self.job(job.owner_uid, job.name, job.uid)
        if fate is None or current is None:
            return NO_POD
        return fate.pod if current.finished else fate.pod_meanwhile

    def delete_job(self, job: Job, *, foreground: bool) -> None:
        """The operator's: an unfinished one deleted in the foreground stays until its pods are gone."""
        current = self.job(job.owner_uid, job.name, job.uid)
        if current is None or current.deleting:
            return
        self.oracle.job_deleted_by_operator(current, foreground=foreground)
        if foreground and not current.finished:
            self._put(replace(current, deleting=True), tell=False)
            self.agenda.after(17.0, self.lose_job, job.owner_uid, job.name, job.uid)
        else:
            self._drop(current)

    def lose_job(self, owner_uid: str, name: str, uid: str) -> None:
        """It goes, and not by the operator's hand."""
        job = self.job(owner_uid, name, uid)
        if job is not None:
            self._drop(job)
            self.told("job", True, job)

    def _drop(self, job: Job) -> None:
        del self.jobs[job.owner_uid][job.name]
        self._fates.pop(job.uid, None)
        self.oracle.job_gone(job)

    def _put(self, job: Job, *, tell: bool = True) -> Job:
        job = replace(job, resource_version=self.version())
        self.jobs[job.owner_uid][job.name] = job
        if tell:
            self.told("job", False, job)
        return job

    def _becomes_ready(self, owner_uid: str, name: str, uid: str) -> None:
        job = self.job(owner_uid, name, uid)
        if job is not None and not job.finished:
            self._put(replace(job, ready=True))

    def _ends(self, owner_uid: str, name: str, uid: str) -> None:
        job = self.job(owner_uid, name, uid)
        if job is None or job.deleting:
            return
        fate = self._fates[uid]
        if fate.deleted_by_hand:
            self.lose_job(owner_uid, name, uid)
            return
        # Of the API server's clock, which is a little ahead of the operator's.
        completed_at = timestamps.whole_seconds(self.agenda.now + timedelta(seconds=0.6))
        succeeds = fate.succeeds
        ended = Job(
            uid=uid,
            namespace=job.namespace,
            name=name,
            resource_version=self.version(),
            owner_uid=owner_uid,
            run_number=job.run_number,
            created_at=job.created_at,
            deadline_seconds=job.deadline_seconds,
            succeeded=succeeds,
            failed=not succeeds,
            failure_reason=fate.failure_reason,
            completed_at=completed_at,
        )
        self.jobs[owner_uid][name] = ended
        self.oracle.job_finished(ended)
        self.told("job", False, ended)

    # --- Plugins and the Scheduler

    def put_plugin(self, plugin: Plugin) -> None:
        plugin = replace(plugin, resource_version=self.version())
        self.plugins[plugin.name] = plugin
        self.oracle.plugins_changed(self.plugins)
        self.told("plugin", False, plugin)

    def remove_plugin(self, name: str) -> None:
        gone = self.plugins.pop(name)
        self.oracle.plugins_changed(self.plugins)
        self.told("plugin", True, gone)

    def put_scheduler(self, scheduler: Scheduler) -> None:
        self.scheduler = replace(scheduler, resource_version=self.version())
        self.oracle.scheduler_changed(self.scheduler)
        self.told("scheduler", False, self.scheduler)

    def remove_scheduler(self) -> None:
        gone, self.scheduler = self.scheduler, None
        self.oracle.scheduler_changed(None)
        self.told("scheduler", True, gone)


def _survives_being_written(status: Status) -> None:
    stored = _without_nulls(status_model.dump(status))
    assert status_model.parse(stored) == status, "what is read is not what was written"


def _without_nulls(patch: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _without_nulls(value) if isinstance(value, dict) else value
        for key, value in patch.items()
        if value is not None
    }
