"""Everything that the deciding needs of a cluster, read at one moment."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from spark_cli.decide import verdict as verdicts
from spark_cli.decide.verdict import Verdict
from spark_cli.exits import Failure
from spark_cli.gather import kinds
from spark_cli.gather.cluster import ApiFailure, Cluster
from spark_operator.decide import decision, fetch, validity
from spark_operator.decide.capacity import Candidate, Limits
from spark_operator.decide.view import View
from spark_operator.model import fields, names
from spark_operator.model import integration as integrations
from spark_operator.model import job as jobs
from spark_operator.model import plugin as plugins
from spark_operator.model import pod as pods
from spark_operator.model import scheduler as schedulers
from spark_operator.model.integration import Integration
from spark_operator.model.job import Job
from spark_operator.model.plugin import Plugin
from spark_operator.model.scheduler import Scheduler

_T = TypeVar("_T")

JOBS_OF_OURS = f"{names.LABEL_MANAGED_BY}={names.MANAGED_BY}"
# As the operator's own bound: a decision that never rests contradicts itself.
_MAX_STEPS = 20


def if_allowed(read_: Callable[[], _T], otherwise: _T) -> _T:
    """What can be read; ``otherwise`` where we may not: what is only told beside it fails nothing."""
    try:
        return read_()
    except ApiFailure as error:
        if error.forbidden:
            return otherwise
        raise


@dataclass
class Found:
    """The Integrations that were meant, and a line for each name that is not there."""

    bodies: list[dict[str, Any]]
    missing: list[str] = field(default_factory=list)

    @property
    def integrations(self) -> list[Integration]:
        return [integrations.parse(body) for body in self.bodies]


def find(
    cluster: Cluster,
    names_: Iterable[str] = (),
    *,
    selector: str | None = None,
    service: str | None = None,
) -> Found:
    """By name, or all of the chosen namespaces, in the order of kubectl. Raises Failure."""
    wanted = list(dict.fromkeys(names_))
    if not wanted:
        bodies = cluster.list(kinds.INTEGRATION, cluster.scope, selector=selector)
        found = Found(bodies)
    else:
        found = Found([])
        for name in wanted:
            body = cluster.find(kinds.INTEGRATION, name)
            if body is None:
                found.missing.append(
                    f'there is no integration "{name}" in namespace "{cluster.namespace}"'
                )
            else:
                found.bodies.append(body)
    if service is not None:
        found.bodies = [
            b for b in found.bodies if fields.mapping(b.get("spec")).get("service") == service
        ]
    found.bodies.sort(key=lambda b: (b["metadata"].get("namespace", ""), b["metadata"]["name"]))
    return found


@dataclass
class Facts:
    """What was read. ``notes`` are sentences on what we may not see, and what that means."""

    now: datetime
    plugins: Mapping[str, Plugin]
    scheduler: Scheduler | None
    notes: list[str] = field(default_factory=list)
    schemas: dict[str, validity.Schema] = field(default_factory=dict)

    def view(self, integration: Integration, jobs_: tuple[Job, ...] = ()) -> View:
        plugin = self.plugins.get(integration.spec.service)
        return View(
            integration=integration,
            plugin=plugin,
            scheduler=self.scheduler,
            config_problem=self._config_problem(integration, plugin),
            jobs=jobs_,
            status_is_live=True,
        )

    def _config_problem(self, integration: Integration, plugin: Plugin | None) -> str | None:
        if plugin is None:
            return None
        schema = self.schemas.get(plugin.name)
        if schema is None:
            schema = self.schemas[plugin.name] = validity.Schema(plugin)
        return validity.config_problem(integration, schema)

    def outlook(self, integration: Integration) -> Verdict:
        """What can be said of it without asking the API server once more."""
        return verdicts.outlook(self.view(integration), self.now)


def read(cluster: Cluster, scheduler: tuple[str, str] | None = None) -> Facts:
    """Plugins and the Scheduler. What a user may not see is noted, and taken for the default."""
    found = [plugins.parse(b) for b in plugin_bodies(cluster)]
    chosen, note = _scheduler(cluster, scheduler)
    notes = [note] if note else []
    return Facts(cluster.now(), {p.name: p for p in found}, chosen, notes)


def plugin_bodies(cluster: Cluster) -> list[dict[str, Any]]:
    """All Plugins, by name."""
    try:
        found = cluster.list(kinds.PLUGIN, None)
    except ApiFailure as error:
        if not error.forbidden:
            raise
        raise Failure(
            f"you may not list {kinds.PLUGIN.resource}, which hold the rules of each service: ask for "
            "the role of the chart that ends in -view, bound for the whole cluster",
            exit=error.exit,
        ) from None
    return sorted(found, key=lambda body: str(body["metadata"]["name"]))


def scheduler_body(
    cluster: Cluster, wanted: tuple[str, str] | None
) -> tuple[dict[str, Any] | None, str]:
    """The Scheduler that is meant, and a note where we cannot know.

    Of several the one in the chosen namespace, else the one that was checked last: an old one may lie
    about, which no operator reads.
    """
    if wanted is not None:
        body = cluster.find(kinds.SCHEDULER, wanted[1], wanted[0])
        if body is None:
            raise Failure(f'there is no scheduler "{wanted[1]}" in namespace "{wanted[0]}"')
        return body, ""
    try:
        found = cluster.list(kinds.SCHEDULER, None)
    except ApiFailure as error:
        if not error.forbidden:
            raise
        return None, (
            "You may not read Schedulers, so their defaults are taken: no suspension, 50 places, "
            "a DuckDB file on the claim spark-data."
        )
    if not found:
        return None, ""
    here = [b for b in found if b["metadata"]["namespace"] == cluster.namespace]

    def checked(body: dict[str, Any]) -> str:
        return fields.text(fields.mapping(body.get("status")).get("lastCheckAt"))

    chosen = max(here or found, key=checked)
    if len(found) == 1 or here:
        return chosen, ""
    metadata = chosen["metadata"]
    return chosen, (
        f"There are {len(found)} Schedulers; taken is {metadata['namespace']}/{metadata['name']}, which "
        "was checked last (--scheduler names another)."
    )


def _scheduler(cluster: Cluster, wanted: tuple[str, str] | None) -> tuple[Scheduler | None, str]:
    body, note = scheduler_body(cluster, wanted)
    if body is not None:
        return schedulers.parse(body), note
    if note:
        return Scheduler("", "", "spark", 0), note
    return None, ""


def jobs_by_owner(cluster: Cluster, namespace: str | None) -> dict[str, list[Job]]:
    """All Jobs of ours in a namespace (None: in all), by the uid of their Integration."""
    found: dict[str, list[Job]] = {}
    for body in cluster.list(kinds.JOB, namespace, selector=JOBS_OF_OURS):
        parsed = jobs.parse(body)
        found.setdefault(parsed.owner_uid, []).append(parsed)
    return found


def pods_of(cluster: Cluster, job: Job) -> list[dict[str, Any]]:
    """The pods of this very Job; a pod of an older Job of that name tells nothing of it."""
    selector = f"batch.kubernetes.io/controller-uid={job.uid}"
    return cluster.list(kinds.POD, job.namespace, selector=selector)


def decided(
    cluster: Cluster, facts: Facts, integration: Integration, jobs_: tuple[Job, ...], *, place: bool
) -> tuple[Verdict, Candidate | None]:
    """The operator's decision, with its look-ups answered as the operator answers them; no write.

    ``place``: whether it would get a free place. The candidate is there where it asks for one.
    """
    now = facts.now
    view = replace(facts.view(integration, jobs_), admitted=place)
    run = integration.status.run
    if run is not None and (job := view.job(run.job_name)) is not None:
        age = (now - job.created_at).total_seconds() if job.created_at is not None else 0.0
        view = replace(view, job_seen=True, job_age_seconds=max(0.0, age), job_was_ready=job.ready)
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
            case decision.LookUpVolumeClaim(name=name):
                there = cluster.find(kinds.VOLUME_CLAIM, name, integration.namespace) is not None
                view = replace(view, volume_claim_exists=there)
            case decision.DeleteJobs(jobs=excess) if all(job.finished for job in excess):
                # Beyond the history: it matters to nobody what is pruned before the next step.
                view = replace(view, jobs=tuple(j for j in view.jobs if j not in excess))
            case decision.AskCapacity(candidate=candidate):
                return verdicts.of(view, step, now), candidate
            case decision.ReadAgain():
                # It was read before its Jobs: another run has begun in between.
                return Verdict(verdicts.Action.RUN, "Fetching", "A run has begun just now."), None
            case _:
                return verdicts.of(view, step, now), None
    raise RuntimeError(f"no rest after {_MAX_STEPS} steps")


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
        facts.scheduler.max_concurrent_fetches,
        {n: p.max_concurrent_fetches for n, p in facts.plugins.items()},
    )
    return verdicts.admitted(dict(candidates), running, limits), note
