"""Everything that the deciding needs of a cluster, read at one moment."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from spark_cli.decide import state, written
from spark_cli.decide import verdict as verdicts
from spark_cli.decide.verdict import Verdict
from spark_cli.exits import Failure
from spark_cli.gather import kinds
from spark_cli.gather.cluster import ApiFailure, Cluster
from spark_operator.decide import validity
from spark_operator.decide.view import View
from spark_operator.model import fields
from spark_operator.model import integration as integrations
from spark_operator.model import plugin as plugins
from spark_operator.model import scheduler as schedulers
from spark_operator.model.integration import Integration
from spark_operator.model.job import Job
from spark_operator.model.plugin import Plugin
from spark_operator.model.scheduler import Scheduler

_T = TypeVar("_T")


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
    """What was read. ``notes`` are sentences on what we may not see, and what that means; ``silence``
    is one where no operator is at work. ``plugins_hidden`` and ``scheduler_hidden``: we may not list them;
    what follows from such a one is left out."""

    now: datetime
    plugins: Mapping[str, Plugin]
    scheduler: Scheduler | None
    notes: list[str] = field(default_factory=list)
    silence: str = ""
    plugins_hidden: bool = False
    scheduler_hidden: bool = False
    schemas: dict[str, validity.Schema] = field(default_factory=dict)

    def view(
        self, integration: Integration, jobs_: tuple[Job, ...] = (), *, live: bool = False
    ) -> View:
        """``live``: the Integration was read after the Jobs, as the operator reads it where a Job is
        newer than what it knows."""
        plugin = self.plugins.get(integration.spec.service)
        return View(
            integration=integration,
            plugin=plugin,
            scheduler=self.scheduler,
            config_problem=self._config_problem(integration, plugin),
            jobs=jobs_,
            status_is_live=live,
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
        if self.plugins_hidden:
            return verdicts.by_status(integration, self.scheduler, self.now)
        return verdicts.outlook(self.view(integration), self.now)


def read(cluster: Cluster, scheduler: tuple[str, str] | None = None) -> Facts:
    """Plugins and the Scheduler. What a user may not see is noted, and taken for the default."""
    nothing: list[dict[str, Any]] | None = None
    bodies = if_allowed(lambda: cluster.list(kinds.PLUGIN, None), nothing)
    found = [plugins.parse(b) for b in bodies or ()]
    body, note = scheduler_body(cluster, scheduler)
    chosen = schedulers.parse(body) if body is not None else None
    now = cluster.now()
    # Of one that we may not see, or may have taken for another, its silence says nothing.
    silence = "" if note else state.silence(chosen, checked_at(body), now)
    hidden = chosen is None and bool(note)
    if hidden:
        # That there is one is all that the rules need.
        chosen = Scheduler("", "", "spark", 0)
    notes = [note] if note else []
    if bodies is None:
        notes.append(
            "You may not list Plugins, which hold the rules of each service: what is due is told by what "
            "the operator has written."
        )
    return Facts(
        now,
        {p.name: p for p in found},
        chosen,
        notes,
        silence,
        plugins_hidden=bodies is None,
        scheduler_hidden=hidden,
    )


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
        nothing: list[dict[str, Any]] = []
        found = if_allowed(lambda: cluster.list(kinds.SCHEDULER, cluster.namespace), nothing)
        if not found:
            return None, (
                "You may not read Schedulers: whether one is suspended, how many fetches it allows at "
                "once, and its destination for those that name none are left out here."
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


def checked_at(scheduler: Mapping[str, Any] | None) -> datetime | None:
    """When the operator last looked at everything and wrote so into its Scheduler: by the clock of the
    API server, since the operator's may be wrong."""
    return written.when(scheduler or {}, "status", "lastCheckAt")
