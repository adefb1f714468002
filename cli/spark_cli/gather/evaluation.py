"""The evaluation of an Integration as the operator makes it: its look-ups answered, and nothing written."""

import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from spark_cli.decide import verdict as verdicts
from spark_cli.decide.verdict import Verdict
from spark_cli.gather import kinds
from spark_cli.gather.cluster import ApiFailure, Cluster
from spark_cli.gather.facts import Facts
from spark_cli.gather.jobs import pods_of
from spark_operator.decide import decision, fetch
from spark_operator.decide.capacity import Candidate, Limits
from spark_operator.decide.view import View
from spark_operator.model import integration as integrations
from spark_operator.model import job as jobs
from spark_operator.model import pod as pods
from spark_operator.model.integration import Integration
from spark_operator.model.job import Job

# As the operator's own bound: a decision that never rests contradicts itself.
_MAX_STEPS = 20


def decided(
    cluster: Cluster, facts: Facts, integration: Integration, jobs_: tuple[Job, ...], *, place: bool
) -> tuple[Verdict, Candidate | None]:
    """The operator's decision, with its look-ups answered as the operator answers them; no write.

    ``place``: whether it would get a free place. The candidate is there where it asks for one.
    """
    now = facts.now
    if facts.plugins_hidden:
        return facts.outlook(integration), None
    view = _with_run(replace(facts.view(integration, jobs_), admitted=place), now)
    for _ in range(_MAX_STEPS):
        step = fetch.decide(view, now)
        match step:
            case decision.LookUpJob(name=name):
                body = cluster.find(kinds.JOB, name, integration.namespace)
                view = _with_job(view, name, jobs.parse(body) if body else None)
            case decision.LookAtPod(job=job):
                looked = view.pod_looks + (not job.finished)
                report = pods.parse(pods_of(cluster, job))
                view = replace(view, pod=report, pod_looks=looked)
            case decision.LookUpVolumeClaim() if (
                facts.scheduler_hidden and integration.spec.destination is None
            ):
                # That claim would be one of ours, and not the one that the Scheduler names.
                view = replace(view, volume_claim_exists=True)
            case decision.LookUpVolumeClaim(name=name):
                there = cluster.find(kinds.VOLUME_CLAIM, name, integration.namespace) is not None
                view = replace(view, volume_claim_exists=there)
            case decision.DeleteJobs(jobs=excess) if all(job.finished for job in excess):
                # Beyond the history: it matters to nobody what is pruned before the next step.
                view = replace(view, jobs=tuple(j for j in view.jobs if j not in excess))
            case decision.AskCapacity(candidate=candidate):
                return verdicts.of(view, step, now), candidate
            case decision.ReadAgain():
                # It was read before its Jobs, and another run has begun in between.
                body = cluster.find(kinds.INTEGRATION, integration.name, integration.namespace)
                if body is None or body["metadata"]["uid"] != integration.uid:
                    return Verdict(
                        verdicts.Action.HOLD, "Deleted", "It was deleted just now."
                    ), None
                live = facts.view(integrations.parse(body), view.jobs, live=True)
                view = _with_run(replace(live, admitted=place), now)
            case _:
                return verdicts.of(view, step, now), None
    raise RuntimeError(f"no rest after {_MAX_STEPS} steps")


def _with_run(view: View, now: datetime) -> View:
    """With what the operator would know of the recorded run's Job."""
    run = view.integration.status.run
    job = view.job(run.job_name) if run is not None else None
    if job is None:
        return view
    age = (now - job.created_at).total_seconds() if job.created_at is not None else 0.0
    return replace(view, job_seen=True, job_age_seconds=max(0.0, age), job_was_ready=job.ready)


def _with_job(view: View, name: str, job: Job | None) -> View:
    others = tuple(j for j in view.jobs if j.name != name)
    if job is None:
        return replace(view, jobs=others, job_absent=True)
    if job.owner_uid != view.integration.uid:
        return replace(view, rejection=f'a Job "{name}" of another owner exists')
    return replace(view, jobs=(*others, job), job_is_live=True)


def places(
    cluster: Cluster, facts: Facts, candidates: Mapping[str, Candidate]
) -> tuple[frozenset[str], str]:
    """The uids of those that would get a place now, and a note where we cannot count.

    Places are given out over all namespaces, so all that run are counted, if we may.
    """
    if facts.scheduler is None or not candidates:
        return frozenset(), ""
    note = ""
    try:
        bodies = cluster.list(kinds.INTEGRATION, None)
    except ApiFailure as error:
        if not error.forbidden:
            raise
        bodies = cluster.list(kinds.INTEGRATION, cluster.namespace)
        note = (
            "You may not list Integrations of all namespaces: fetches elsewhere take places, too."
        )
    everything = [integrations.parse(body) for body in bodies]
    running = [i.spec.service for i in everything if i.status.run and i.status.run.running]
    limits = Limits(
        sys.maxsize if facts.scheduler_hidden else facts.scheduler.max_concurrent_fetches,
        {n: p.max_concurrent_fetches for n, p in facts.plugins.items()},
    )
    return verdicts.admitted(dict(candidates), running, limits), note
