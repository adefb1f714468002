"""The facts of one decision, gathered beforehand."""

from datetime import datetime

from spark_operator.model.integration import Integration
from spark_operator.model.job import Job
from spark_operator.model.plugin import Plugin
from spark_operator.model.pod import PodReport
from spark_operator.model.record import record
from spark_operator.model.scheduler import Scheduler


@record(frozen=True, slots=True)
class View:
    """Everything known about one Integration at one moment.

    ``job_absent``: a live read just said that the claimed Job is not there, or the claim is so new
    that nobody can have made it; a cache that merely lacks the Job proves nothing.
    ``job_is_live``: a live read just gave the claimed Job as it stands in ``jobs``.
    ``rejection``: why the Job of the claim cannot be made, now or ever under that name.
    ``status_is_live``: the Integration was just read from the API server, or written to it.
    ``job_age_seconds``: monotonic, since this process first saw the claimed Job.
    ``pod`` and ``volume_claim_exists`` are None until they were looked up for this decision.
    """

    integration: Integration
    plugin: Plugin | None = None
    scheduler: Scheduler | None = None
    config_problem: str | None = None
    jobs: tuple[Job, ...] = ()
    rejection: str | None = None
    job_absent: bool = False
    job_is_live: bool = False
    job_seen: bool = False
    job_age_seconds: float = 0.0
    job_was_ready: bool = False
    pod: PodReport | None = None
    pod_looks: int = 0
    volume_claim_exists: bool | None = None
    status_is_live: bool = False
    admitted: bool = False
    waiting_since: datetime | None = None

    def job(self, name: str) -> Job | None:
        return next((job for job in self.jobs if job.name == name), None)
