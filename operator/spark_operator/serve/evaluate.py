"""gather → decide → act for one Integration, step by step, until there is nothing to do now."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from spark_operator.act import events, integrations, job_manifest, jobs, pods, volume_claims
from spark_operator.act.api import Api, ApiError, Fenced, NoAnswer
from spark_operator.decide import decision as decisions
from spark_operator.decide import fetch, validity
from spark_operator.decide.decision import Announcement, Decision
from spark_operator.model import status as status_model
from spark_operator.model.integration import Integration
from spark_operator.model.status import Run, Status, Trigger
from spark_operator.serve import gather
from spark_operator.serve.admission import Admission
from spark_operator.serve.cache import Cache, Entry
from spark_operator.serve.clock import Clock
from spark_operator.serve.gather import LookUps
from spark_operator.serve.metrics import REJECTED, UNANSWERED, UNKNOWN, Metrics
from spark_operator.serve.wakes import Wakes

logger = logging.getLogger(__name__)

# A fetch's whole life is under ten steps; more means that two rules contradict each other.
_MAX_STEPS = 20
_FIRST_RETRY_SECONDS = 1.0
_MAX_RETRY_SECONDS = 30.0
# Answers to a create that the same request would get again.
_REJECTIONS = frozenset({400, 403, 404, 413, 422})


@dataclass(slots=True)
class Evaluator:
    """Carries out decisions. ``leading`` is asked before each step; ``act`` asks it before each write."""

    api: Api
    cache: Cache
    clock: Clock
    admission: Admission
    wakes: Wakes
    leading: Callable[[], bool]
    runner_image: str
    identity: str
    metrics: Metrics
    _failures: dict[str, int] = field(default_factory=dict)
    _overtaken: set[str] = field(default_factory=set)

    def look(self, uid: str) -> Decision | None:
        """What would be decided from the cache alone: no request, no write."""
        entry = self.cache.integrations.get(uid)
        if entry is None:
            return None
        return self._decide(entry, LookUps())

    async def evaluate(self, uid: str) -> None:
        """One Integration until it rests. Errors end in a retry of this Integration alone."""
        try:
            await self._steps(uid)
            self._failures.pop(uid, None)
        except Fenced:
            # The lead is lost: the next leader finds everything in the status.
            pass
        except (NoAnswer, ApiError) as error:
            self._try_again(uid, error)
        except Exception:
            # One object that trips a defect of ours must not stop the others, nor spin.
            logger.exception("evaluation failed", extra=self.about(uid))
            self._try_again(uid, None)
        finally:
            self._overtaken.discard(uid)
            # A place that led to no claim is another's.
            if self.admission.reserved(uid):
                self.admission.forget(uid)
                self.admission.admit()

    def _try_again(self, uid: str, error: ApiError | NoAnswer | None) -> None:
        failures = min(self._failures.get(uid, 0) + 1, 10)
        self._failures[uid] = failures
        delay = min(_FIRST_RETRY_SECONDS * 2 ** (failures - 1), _MAX_RETRY_SECONDS)
        if isinstance(error, ApiError) and error.retry_after_seconds:
            delay = max(delay, min(error.retry_after_seconds, _MAX_RETRY_SECONDS))
        if error is not None:
            logger.warning(
                "request failed, tried again in %.0f s: %s",
                delay,
                error,
                extra={"collapse": True, **self.about(uid)},
            )
        self.wakes.set(uid, delay)

    def about(self, uid: str, run: Run | None = None) -> dict[str, object]:
        """The fields of a log line about an Integration, and about that run, or the one that goes on."""
        entry = self.cache.integrations.get(uid)
        if entry is None:
            return {"uid": uid}
        integration = entry.integration
        fields: dict[str, object] = {
            "uid": uid,
            "namespace": integration.namespace,
            "integration": integration.name,
        }
        current = integration.status.run
        run = run or (current if current is not None and current.running else None)
        return fields if run is None else {**fields, "run": run.number, "job": run.job_name}

    def _service(self, integration: Integration) -> str:
        """As metrics name it: what a user wrote is a label only where there is such a Plugin."""
        service = integration.spec.service
        return service if service in self.cache.plugins else UNKNOWN

    def _decide(self, entry: Entry, looked_up: LookUps) -> Decision:
        facts = gather.view(
            self.cache,
            entry,
            looked_up,
            admitted=self.admission.reserved(entry.integration.uid),
            monotonic=self.clock.monotonic(),
        )
        return fetch.decide(facts, self.clock.now())

    async def _steps(self, uid: str) -> None:
        looked_up = LookUps()
        for _ in range(_MAX_STEPS):
            entry = self.cache.integrations.get(uid)
            if entry is None or not self.leading():
                self.admission.forget(uid)
                return
            decision = self._decide(entry, looked_up)
            entry.looked_at = self.clock.monotonic()
            if not isinstance(decision, decisions.AskCapacity | decisions.Claim):
                self._not_waiting(entry, decision)
            if not await self._step(entry, decision, looked_up):
                return
        if uid in self._overtaken:
            # Somebody changes it all the time, which must not hold this worker up for the others.
            raise ApiError(409, "Conflict", "it changes faster than its status can be written")
        raise RuntimeError(f"no rest after {_MAX_STEPS} steps")

    def _not_waiting(self, entry: Entry, decision: Decision) -> None:
        if isinstance(decision, decisions.LookUpVolumeClaim):
            return
        entry.waiting_since = None
        self.admission.forget(entry.integration.uid)

    async def _step(self, entry: Entry, decision: Decision, looked_up: LookUps) -> bool:
        """Carry one decision out; whether another follows."""
        integration = entry.integration
        match decision:
            case decisions.Wait():
                return await self._wait(entry, decision)
            case decisions.AskCapacity():
                return await self._ask_capacity(entry, decision)
            case decisions.Claim(status=status):
                due_at = self._due_at(entry, status)
                if await self._write(integration, status):
                    looked_up.claimed()
                    entry.due_at = due_at
                    self._log_claim(entry.integration)
                entry.waiting_since = None
                self.admission.forget(integration.uid)
            case decisions.CreateJob(run=run):
                await self._create(entry, run, looked_up)
            case decisions.Record(status=status, announcement=announcement):
                if await self._write(integration, status):
                    self._tell_outcome(entry.integration)
                    await self._announce(entry.integration, announcement)
                    self.admission.admit()
            case decisions.DeleteJobs():
                await self._delete(integration, decision)
            case decisions.LookUpJob(name=name):
                await self._look_up_job(integration, name, looked_up)
            case decisions.LookAtPod(job=job):
                looked_up.pod, looked_up.pod_of = await pods.report(self.api, job), job
                if not job.finished:
                    entry.pod_looks += 1
            case decisions.LookUpVolumeClaim(name=name):
                looked_up.volume_claim_exists = await volume_claims.exists(
                    self.api, integration.namespace, name
                )
            case decisions.ReadAgain():
                await self._read_again(integration)
                looked_up.status_is_live = True
        return True

    async def _wait(self, entry: Entry, wait: decisions.Wait) -> bool:
        integration = entry.integration
        changed = status_model.dump(wait.status) != status_model.dump(integration.status)
        if changed:
            if not await self._write(integration, wait.status):
                return True
            await self._announce(entry.integration, wait.announcement)
        entry.next_look = wait.until
        if wait.until is None:
            self.wakes.cancel(integration.uid)
        else:
            delay = (wait.until - self.clock.now()).total_seconds()
            self.wakes.set(integration.uid, delay)
        return False

    async def _ask_capacity(self, entry: Entry, ask: decisions.AskCapacity) -> bool:
        if entry.waiting_since is None:
            entry.waiting_since = self.clock.now()
        self.admission.wait(ask.candidate)
        self.admission.admit()
        if self.admission.reserved(entry.integration.uid):
            return True
        return await self._wait(entry, ask.otherwise)

    async def _write(self, integration: Integration, status: Status) -> bool:
        """Compare-and-set. On a conflict the truth is read, and the next step decides from it."""
        try:
            self.cache.put_integration(
                await integrations.write_status(self.api, integration, status)
            )
        except ApiError as error:
            if error.not_found:
                self.cache.remove_integration(integration.uid)
                return False
            if not error.conflict:
                raise
            self._overtaken.add(integration.uid)
            await self._read_again(integration)
            return False
        except NoAnswer:
            # It may have been carried out: only a read tells which of the two happened.
            await self._read_again(integration)
            return False
        return True

    async def _read_again(self, integration: Integration) -> None:
        current = await integrations.read(self.api, integration.namespace, integration.name)
        if current is None or current.uid != integration.uid:
            self.cache.remove_integration(integration.uid)
        if current is not None:
            self.cache.put_integration(current)
        # Its run may have ended, as the answer that was lost would have said: the place is another's.
        self.admission.admit()

    def _due_at(self, entry: Entry, claimed: Status) -> datetime:
        """Since when the run that is being claimed is due: the time that was announced for it, else
        when this process saw that it is due."""
        asked_for = claimed.run is not None and claimed.run.trigger is Trigger.REQUESTED
        announced = entry.integration.status.next_update_at
        now = self.clock.now()
        if announced is not None and announced <= now and not asked_for:
            return announced
        return entry.waiting_since or now

    async def _create(self, entry: Entry, run: Run, looked_up: LookUps) -> None:
        integration = entry.integration
        service = self._service(integration)
        plugin = self.cache.plugins.get(integration.spec.service)
        scheduler = self.cache.scheduler
        if plugin is None or scheduler is None:
            gone = "Plugin" if plugin is None else "Scheduler"
            looked_up.rejection = f"its {gone} is gone"
            self.metrics.not_dispatched(service, REJECTED)
            return
        manifest = job_manifest.build(
            integration,
            plugin,
            scheduler,
            run,
            target=validity.effective_destination(integration, scheduler),
            runner_image=self.runner_image,
            now=self.clock.now(),
        )
        # Whatever the answer, it decides anew: a lost answer ends in a live look at the Job.
        looked_up.job_absent = False
        try:
            job = await jobs.create(self.api, manifest, integration.uid)
        except jobs.NotOurs:
            looked_up.rejection = f'a Job "{run.job_name}" of another owner exists'
            self.metrics.not_dispatched(service, REJECTED)
        except ApiError as error:
            if error.status not in _REJECTIONS:
                self.metrics.not_dispatched(service, UNANSWERED)
                raise
            looked_up.rejection = error.message
            self.metrics.not_dispatched(service, REJECTED)
        except NoAnswer:
            self.metrics.not_dispatched(service, UNANSWERED)
            raise
        else:
            self.cache.put_job(job, self.clock.monotonic())
            # Of a claim that another process made, the time of the claim is the best that is known.
            due_at, entry.due_at = entry.due_at or run.started_at, None
            self.metrics.dispatched(service, due_at=due_at, now=self.clock.now())

    async def _look_up_job(self, integration: Integration, name: str, looked_up: LookUps) -> None:
        job = await jobs.read(self.api, integration.namespace, name)
        if job is None:
            self._forget_job(integration, name)
            looked_up.job_absent = True
        elif job.owner_uid != integration.uid:
            looked_up.rejection = f'a Job "{name}" of another owner exists'
        else:
            looked_up.job_is_live = True
            self.cache.put_job(job, self.clock.monotonic())

    def _forget_job(self, integration: Integration, name: str) -> None:
        """Gone before any watch told so; the cache may have it still."""
        entry = self.cache.job_entry(integration, name)
        if entry is not None:
            self.cache.remove_job(entry.job)

    async def _delete(self, integration: Integration, decision: decisions.DeleteJobs) -> None:
        deleted = False
        for job in decision.jobs:
            deleted |= await jobs.delete(self.api, job, foreground=decision.foreground)
            if decision.foreground:
                # It lives on until its pods are gone; asking again before the watch tells of it
                # must not send a second request.
                current = await jobs.read(self.api, job.namespace, job.name)
                if current is not None:
                    self.cache.put_job(current, self.clock.monotonic())
                    continue
            self.cache.remove_job(job)
        # A change of the Job that the watch tells of late brings it back into the cache: what was deleted
        # once is then decided once more, and must not be said twice.
        if deleted:
            await self._announce(integration, decision.announcement)

    async def _announce(self, integration: Integration, announcement: Announcement | None) -> None:
        if announcement is None:
            return
        try:
            await events.post(self.api, integration, announcement, self.clock.now(), self.identity)
        except (ApiError, NoAnswer) as error:
            # The status says the same; an Event is a courtesy.
            logger.warning(
                "event not posted: %s",
                error,
                extra={
                    "collapse": True,
                    **self.about(integration.uid, integration.status.run),
                },
            )

    def _log_claim(self, integration: Integration) -> None:
        run = integration.status.run
        if run is not None:
            logger.info(
                "dispatched run %s, attempt %s (%s)",
                run.number,
                run.attempt,
                run.trigger,
                extra=self.about(integration.uid, run),
            )

    def _tell_outcome(self, integration: Integration) -> None:
        run = integration.status.run
        if run is None:
            return
        self.metrics.ended(self._service(integration), run)
        about = self.about(integration.uid, run)
        if run.failed:
            logger.error(
                "run %s failed (%s): %s", run.number, run.error_class, run.message, extra=about
            )
        else:
            logger.info("run %s succeeded, %s rows", run.number, run.rows, extra=about)
