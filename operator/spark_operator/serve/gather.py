"""From the cache, and from what was looked up for this one decision, to the facts of the decision."""

from dataclasses import dataclass

from spark_operator.decide import validity
from spark_operator.decide.view import View
from spark_operator.model.job import Job
from spark_operator.model.pod import PodReport
from spark_operator.serve.cache import Cache, Entry


@dataclass(slots=True)
class LookUps:
    """Answers of the API server within one evaluation; a later one asks anew."""

    job_absent: bool = False
    job_is_live: bool = False
    pod: PodReport | None = None
    pod_of: Job | None = None
    volume_claim_exists: bool | None = None
    status_is_live: bool = False
    rejection: str | None = None

    def claimed(self) -> None:
        """What was learnt of the run before says nothing of the one that was claimed just now: where a
        run ends and the next is due at once, the refusal of its Job would be taken for the next one's.

        Nobody else can have made a Job for a claim that we wrote just now.
        """
        self.rejection = None
        self.job_is_live = False
        self.job_absent = self.status_is_live = True

    def pod_for(self, job: Job | None) -> PodReport | None:
        """The report, if it was made in this state of the Job.

        What a pod told while it ran says nothing of how it ended.
        """
        looked_at = self.pod_of
        if job is None or looked_at is None:
            return None
        same = (job.uid, job.finished) == (looked_at.uid, looked_at.finished)
        return self.pod if same else None


def config_problem(cache: Cache, entry: Entry) -> str | None:
    """Checked once for each state of the spec and the Plugin."""
    integration = entry.integration
    plugin = cache.plugins.get(integration.spec.service)
    if plugin is None:
        return None
    state = (integration.generation, plugin.uid, plugin.resource_version)
    if entry.config_checked != state:
        entry.config_problem = validity.config_problem(integration, cache.schema(plugin))
        entry.config_checked = state
    return entry.config_problem


def view(
    cache: Cache, entry: Entry, looked_up: LookUps, *, admitted: bool, monotonic: float
) -> View:
    integration = entry.integration
    run = integration.status.run
    job = cache.job_entry(integration, run.job_name) if run is not None else None
    return View(
        integration=integration,
        plugin=cache.plugins.get(integration.spec.service),
        scheduler=cache.scheduler,
        config_problem=config_problem(cache, entry),
        jobs=cache.jobs_of(integration),
        rejection=looked_up.rejection,
        job_absent=looked_up.job_absent,
        job_is_live=looked_up.job_is_live,
        job_seen=run is not None and cache.job_seen(integration, run.job_name),
        job_age_seconds=monotonic - job.first_seen if job is not None else 0.0,
        job_was_ready=job is not None and job.was_ready,
        pod=looked_up.pod_for(job.job if job is not None else None),
        pod_looks=entry.pod_looks,
        volume_claim_exists=looked_up.volume_claim_exists,
        status_is_live=looked_up.status_is_live,
        admitted=admitted,
        waiting_since=entry.waiting_since,
    )
