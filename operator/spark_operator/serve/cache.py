"""What the watches told, newest state first: the only place that remembers objects.

Everything here can be rebuilt from the API server; nothing is decided from it that a stale entry
could make wrong beyond a lost compare-and-set.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from spark_operator.decide.validity import Schema
from spark_operator.model.integration import Integration
from spark_operator.model.job import Job
from spark_operator.model.plugin import Plugin
from spark_operator.model.scheduler import Scheduler

# Namespace and uid: whoever may make Jobs in one namespace can write the uid of an Integration in
# another one into them, and Kubernetes takes its time to find that such an owner is none.
_Owner = tuple[str, str]


@dataclass(slots=True)
class JobEntry:
    """``first_seen`` is monotonic: it measures how long the Job lasts without trusting any wall clock."""

    job: Job
    first_seen: float
    was_ready: bool = False


@dataclass(slots=True)
class Entry:
    """One Integration with what this process remembers about it beside the recorded status.

    ``due_at``: since when the run that it claimed was due.
    """

    integration: Integration
    next_look: datetime | None = None
    looked_at: float = float("-inf")
    pod_looks: int = 0
    waiting_since: datetime | None = None
    due_at: datetime | None = None
    config_checked: tuple[int, str, int] | None = None
    config_problem: str | None = None


@dataclass(slots=True)
class Cache:
    """``scheduler_key`` names the one Scheduler that counts; others are ignored.

    ``unreadable`` holds the uids of objects whose latest state could not be read.
    """

    scheduler_key: tuple[str, str]
    integrations: dict[str, Entry] = field(default_factory=dict)
    plugins: dict[str, Plugin] = field(default_factory=dict)
    scheduler: Scheduler | None = None
    running: dict[str, str] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)
    _jobs: dict[_Owner, dict[str, JobEntry]] = field(default_factory=dict)
    _seen_jobs: dict[_Owner, set[str]] = field(default_factory=dict)
    _schemas: dict[str, tuple[int, Schema]] = field(default_factory=dict)

    # --- Integrations

    def put_integration(self, integration: Integration) -> bool:
        """Take a state unless a newer one is known. A write's answer may overtake its watch event."""
        entry = self.integrations.get(integration.uid)
        if entry is None:
            self.integrations[integration.uid] = Entry(integration)
        elif integration.resource_version <= entry.integration.resource_version:
            return False
        else:
            before, now = entry.integration.status.run, integration.status.run
            if now is None or before is None or now.number != before.number:
                entry.pod_looks = 0
            entry.integration = integration
        run = integration.status.run
        if run is not None and run.running:
            self.running[integration.uid] = integration.spec.service
        else:
            self.running.pop(integration.uid, None)
            self._seen_jobs.pop((integration.namespace, integration.uid), None)
        return True

    def remove_integration(self, uid: str) -> None:
        entry = self.integrations.pop(uid, None)
        self.running.pop(uid, None)
        if entry is not None:
            self._seen_jobs.pop((entry.integration.namespace, uid), None)

    def forget_looks(self) -> None:
        """Let the next tick look at every Integration, whatever was found before."""
        for entry in self.integrations.values():
            entry.looked_at = float("-inf")
            entry.next_look = None
            entry.waiting_since = None

    # --- Jobs

    def put_job(self, job: Job, monotonic: float) -> bool:
        owner = (job.namespace, job.owner_uid)
        entries = self._jobs.setdefault(owner, {})
        entry = entries.get(job.name)
        if entry is None or entry.job.uid != job.uid:
            entries[job.name] = JobEntry(job, first_seen=monotonic, was_ready=job.ready)
        elif job.resource_version <= entry.job.resource_version:
            return False
        else:
            entry.job = job
            entry.was_ready = entry.was_ready or job.ready
        self._seen_jobs.setdefault(owner, set()).add(job.name)
        return True

    def remove_job(self, job: Job) -> None:
        """Forget the Job, but not that it was there: gone after having been seen means lost."""
        owner = (job.namespace, job.owner_uid)
        entries = self._jobs.get(owner, {})
        entry = entries.get(job.name)
        if entry is not None and entry.job.uid == job.uid:
            del entries[job.name]
        if not entries:
            self._jobs.pop(owner, None)
            known = self.integrations.get(job.owner_uid)
            if known is None or known.integration.namespace != job.namespace:
                self._seen_jobs.pop(owner, None)

    def jobs_of(self, integration: Integration) -> tuple[Job, ...]:
        entries = self._jobs.get((integration.namespace, integration.uid))
        return tuple([entry.job for entry in entries.values()]) if entries else ()

    def job_entry(self, integration: Integration, name: str) -> JobEntry | None:
        return self._jobs.get((integration.namespace, integration.uid), {}).get(name)

    def job_seen(self, integration: Integration, name: str) -> bool:
        return name in self._seen_jobs.get((integration.namespace, integration.uid), ())

    def all_jobs(self) -> Iterator[Job]:
        for entries in self._jobs.values():
            for entry in entries.values():
                yield entry.job

    # --- Plugins and the Scheduler

    def put_plugin(self, plugin: Plugin) -> bool:
        known = self.plugins.get(plugin.name)
        same = known is not None and known.uid == plugin.uid
        if known is not None and same and plugin.resource_version <= known.resource_version:
            return False
        self.plugins[plugin.name] = plugin
        return True

    def remove_plugin(self, plugin: Plugin) -> None:
        known = self.plugins.get(plugin.name)
        if known is not None and known.uid == plugin.uid:
            del self.plugins[plugin.name]
            self._schemas.pop(plugin.name, None)

    def schema(self, plugin: Plugin) -> Schema:
        """The compiled configSchema: compiling takes a hundred times longer than checking."""
        known = self._schemas.get(plugin.name)
        if known is None or known[0] != plugin.resource_version:
            known = (plugin.resource_version, Schema(plugin))
            self._schemas[plugin.name] = known
        return known[1]

    def put_scheduler(self, scheduler: Scheduler) -> bool:
        if (scheduler.namespace, scheduler.name) != self.scheduler_key:
            return False
        known = self.scheduler
        if (
            known is not None
            and known.uid == scheduler.uid
            and scheduler.resource_version <= known.resource_version
        ):
            return False
        self.scheduler = scheduler
        return True

    def remove_scheduler(self, scheduler: Scheduler) -> None:
        if self.scheduler is not None and self.scheduler.uid == scheduler.uid:
            self.scheduler = None

    # --- for the relist

    def uids(self, kind: str) -> set[str]:
        match kind:
            case "integrations":
                return set(self.integrations)
            case "plugins":
                return {plugin.uid for plugin in self.plugins.values()}
            case "schedulers":
                return {self.scheduler.uid} if self.scheduler else set()
            case "jobs":
                return {job.uid for job in self.all_jobs()}
        raise ValueError(kind)
