"""The answers of the deciding. ``act`` carries them out one by one and decides nothing itself."""

from datetime import datetime

from spark_operator.decide.capacity import Candidate
from spark_operator.model.job import Job
from spark_operator.model.record import record
from spark_operator.model.status import EventReason, Reason, Run, Status


@record(frozen=True, slots=True)
class Announcement:
    """An Event for the object; its reason is that of the condition it goes with, if it goes with one."""

    warning: bool
    reason: Reason | EventReason
    message: str


@record(frozen=True, slots=True)
class Wait:
    """Nothing to start now. ``until`` is the next look by the clock; None: only an event changes it."""

    until: datetime | None
    status: Status
    announcement: Announcement | None = None


@record(frozen=True, slots=True)
class ReadAgain:
    """The cached Integration may be behind: read it from the API server."""


@record(frozen=True, slots=True)
class LookUpJob:
    """The cache lacks the claimed Job, or has it unfinished for too long: ask the API server, since a
    cache proves nothing."""

    name: str


@record(frozen=True, slots=True)
class LookAtPod:
    job: Job


@record(frozen=True, slots=True)
class LookUpVolumeClaim:
    name: str


@record(frozen=True, slots=True)
class AskCapacity:
    """The fetch is due; ``otherwise`` is what to do where no place is free."""

    candidate: Candidate
    otherwise: Wait


@record(frozen=True, slots=True)
class Claim:
    """Write the claim by compare-and-set: the fence against every other process and every stale view."""

    status: Status


@record(frozen=True, slots=True)
class CreateJob:
    """Make the Job of the claim; the name is the claim's, so a second create of it cannot happen."""

    run: Run


@record(frozen=True, slots=True)
class Record:
    """Write the outcome of the run by compare-and-set."""

    status: Status
    announcement: Announcement | None = None


@record(frozen=True, slots=True)
class DeleteJobs:
    """``foreground``: no claim may follow before the pods are gone."""

    jobs: tuple[Job, ...]
    foreground: bool = False
    announcement: Announcement | None = None


Decision = (
    Wait
    | ReadAgain
    | LookUpJob
    | LookAtPod
    | LookUpVolumeClaim
    | AskCapacity
    | Claim
    | CreateJob
    | Record
    | DeleteJobs
)
