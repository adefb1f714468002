"""What happens in the year: users, administrators, outages, and how late the watch is.

Everything is thrown from one seed, so that a year that failed happens again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from random import Random
from typing import Any

from tests.simulation import fates
from tests.simulation.oracle import DAY, Oracle
from tests.simulation.replica import Crash, Faults, Replica
from tests.simulation.server import START, Agenda, Server

from spark_operator.model.destination import Destination
from spark_operator.model.integration import Integration, Spec
from spark_operator.model.plugin import Plugin
from spark_operator.model.scheduler import Scheduler
from spark_operator.model.status import Run, Status

HOUR = 3600.0
# Names of services with their limits; a few are small, so that places are scarce after an outage.
_SERVICES = {"rest": 30, "rss": 20, "ical": 8, "shop": 4, "bank": 2}
_NAMESPACES = ["a-large-team"] * 5 + ["team-b"] * 3 + ["team-c", "team-d"]
# Modes and times of requests; some cannot be meant, and start nothing.
_REQUESTS: dict[tuple[str | None, str | None], int] = {
    (None, None): 40,
    ("fetch", "2026-01-01"): 5,
    ("check", None): 25,
    ("reset", None): 10,
    ("backfill", "2026-01-01"): 10,
    ("backfill", None): 3,
    ("Check", None): 3,
}
_POSTGRES = Destination("postgres", secret_name="warehouse")
_DUCKDB = Destination("duckdb")


class Story:
    """``minutes`` is the frequency of all; ``trouble`` multiplies how often anything goes wrong."""

    def __init__(
        self, seed: int, *, integrations: int, days: float, minutes: int = 1440, trouble: float = 1
    ) -> None:
        self.random = Random(seed)
        self.oracle = Oracle(START)
        self.agenda = Agenda(self.oracle)
        self.server = Server(self.agenda, self.oracle)
        self.server.told = self._told
        self.server.fate_of = self._fate_of
        self._faults = Faults(self.random, one_in=int(6000 / trouble))
        self._replica: Replica | None = None
        self._heard: dict[tuple[str, str], float] = {}
        self._uids = count(1)
        self._tokens = count(1)
        self._integrations = integrations
        self._minutes = minutes
        self._trouble = trouble
        self._end = days * DAY

    def run(self) -> None:
        self._furnish()
        self._lead()
        self.agenda.run(self._end)
        self.oracle.survey()

    def _furnish(self) -> None:
        random, agenda = self.random, self.agenda
        for name in _SERVICES:
            self._install(name)
        self._enable(suspend=False)
        for number in range(self._integrations):
            # A third at once, the others in the course of the first period.
            at = max(0.0, random.uniform(-0.5, 1) * self._minutes * 60)
            agenda.at(at, self._make, f"i{number:04}")
        scale = self._integrations / 1000
        self._trouble_every(8 * HOUR / scale, self._change_a_spec)
        self._trouble_every(6 * HOUR / scale, self._request)
        self._trouble_every(DAY / scale, self._reset)
        self._trouble_every(DAY / scale, self._suspend_one)
        self._trouble_every(2 * DAY / scale, self._replace_one)
        self._trouble_every(12 * HOUR / scale, self._lose_a_finished_job)
        self._trouble_every(25 * DAY, self._plugin_goes)
        self._trouble_every(20 * DAY, self._plugin_changes)
        self._trouble_every(90 * DAY, self._all_suspended)
        self._trouble_every(90 * DAY, self._scheduler_goes)
        self._trouble_every(21 * DAY, self._outage)
        self._now_and_then(1.9 * DAY, self.oracle.survey)

    def _now_and_then(self, every: float, act: Callable[[], None]) -> None:
        def again() -> None:
            act()
            self.agenda.after(self.random.expovariate(1 / every), again)

        self.agenda.after(self.random.expovariate(1 / every), again)

    def _trouble_every(self, every: float, act: Callable[[], None]) -> None:
        self._now_and_then(every / self._trouble, act)

    # --- the operator

    def _lead(self) -> None:
        if self._replica is not None:
            return
        server, random = self.server, self.random
        stale = {uid for uid in server.earlier if random.random() < 0.02}
        self._replica = Replica(self.agenda, server, self.oracle, self._faults, self._alive)
        self.oracle.started(stale=len(stale))
        for uid in stale:
            self._told("integration", False, server.integrations[uid])
        self._alive(self._replica.start, stale)

    def _alive(self, act: Any, *arguments: Any) -> None:
        """Let the replica do something; it may not survive it."""
        try:
            act(*arguments)
        except Crash as crash:
            # Its frames would keep the whole replica alive.
            crash.__traceback__ = None
            self.oracle.seen["crashes"] += 1
            # Away for longer than a fetch may take, where a create is under way: its run is lost then,
            # and what arrives is a stray.
            away = self.random.choice([0.4, 2.0, 17.0, 17.0, 900.0])
            self._stop(away if crash.frozen is None else 1000.0)
            if crash.frozen is not None:
                self.agenda.after(self.random.expovariate(1 / 1200.0), self._arrives, *crash.frozen)

    def _stop(self, away: float) -> None:
        if self._replica is not None:
            self._replica.dead = True
            self._replica = None
            self.oracle.stopped()
            self.agenda.after(away, self._lead)

    def _outage(self) -> None:
        self._stop(self.random.uniform(0.2, 6) * HOUR)

    def _arrives(self, integration: Integration, run: Run) -> None:
        """The create of a leader that was frozen in the middle of it."""
        if integration.uid in self.server.integrations:
            try:
                self.server.create_job(integration, run, late=True)
            except Exception:  # noqa: BLE001
                return

    def _told(self, kind: str, deleted: bool, told: Any) -> None:
        """The watch: mostly at once, now and then minutes late, never in another order for one object."""
        replica = self._replica
        if replica is None:
            return
        chance = self.random.random()
        lag = chance * 2 if chance < 0.995 else self.random.uniform(2, 600)
        key = (kind, told.uid)
        at = max(self._heard.get(key, 0.0), self.agenda.seconds + lag)
        self._heard[key] = at
        self.oracle.late_news(kind, told, at)
        self.agenda.at(at, self._hears, replica, kind, deleted, told)

    def _hears(self, replica: Replica, kind: str, deleted: bool, told: Any) -> None:
        if self._heard.get((kind, told.uid)) == self.agenda.seconds:
            del self._heard[kind, told.uid]
        if not replica.dead:
            self._alive(replica.hear, kind, deleted, told)

    # --- users

    def _make(self, name: str) -> None:
        random = self.random
        integration = Integration(
            uid=f"uid-{next(self._uids)}",
            namespace=random.choice(_NAMESPACES),
            name=name,
            generation=1,
            resource_version=0,
            created_at=self.agenda.now.replace(microsecond=0),
            deleting=False,
            requested_at=None,
            spec=Spec(
                service=random.choices(list(_SERVICES), [8, 6, 3, 2, 1])[0],
                update_frequency_minutes=self._minutes,
                destination=_DUCKDB if random.random() < 0.1 else _POSTGRES,
            ),
            status=Status(),
        )
        self.oracle.created(integration)
        self.server.apply(integration)

    def _any(self) -> Integration | None:
        known = list(self.server.integrations.values())
        return self.random.choice(known) if known else None

    def _edit(self, integration: Integration, what: str, **changes: Any) -> None:
        changed = replace(
            integration,
            generation=integration.generation + 1,
            spec=replace(integration.spec, **changes),
        )
        self.oracle.changed(changed, f"{what}: {changes}")
        self.server.apply(changed)

    def _change_a_spec(self) -> None:
        random, integration = self.random, self._any()
        if integration is None:
            return
        match random.randrange(3):
            case 0:
                minutes = random.choice([self._minutes // 3, 2 * self._minutes])
                self._edit(integration, "spec", update_frequency_minutes=minutes)
                self.agenda.after(random.uniform(1, 5) * DAY, self._as_before, integration.uid)
            case 1:
                delays: tuple[int, ...] = random.choice([(60, 300, 600), (30,), (1, 86_400), ()])
                self._edit(integration, "spec", retry_delays_seconds=delays)
            case 2:
                self._edit(integration, "spec", timeout_seconds=random.choice([120, 300, 900]))

    def _as_before(self, uid: str) -> None:
        integration = self.server.integrations.get(uid)
        if integration is not None:
            self._edit(integration, "spec", update_frequency_minutes=self._minutes)

    def _request(self) -> None:
        random = self.random
        integration = self._any()
        # Half of the requests are for one that failed: that is when people ask.
        for _ in range(40 if random.random() < 0.5 else 0):
            if integration is None or self.oracle.ledgers[integration.uid].failing:
                break
            integration = self._any()
        if integration is None:
            return
        token = "not\nprintable" if random.random() < 0.05 else f"t{next(self._tokens)}"
        mode, since = random.choices(list(_REQUESTS), list(_REQUESTS.values()))[0]
        asked = replace(integration, requested_at=token, requested_mode=mode, requested_since=since)
        self.oracle.changed(asked, f"requested {token!r}, {mode} since {since}")
        self.server.apply(asked)

    def _reset(self) -> None:
        """Mostly of one that failed: there is little to clear in the others."""
        integration = self._any()
        for _ in range(40):
            if integration is None or self.oracle.ledgers[integration.uid].failing:
                break
            integration = self._any()
        if integration is None:
            return
        token = "not\nprintable" if self.random.random() < 0.05 else f"r{next(self._tokens)}"
        cleared = replace(integration, reset_at=token)
        self.oracle.changed(cleared, f"reset {token!r}")
        self.server.apply(cleared)

    def _suspend_one(self) -> None:
        integration = self._any()
        if integration is not None and not integration.spec.suspend:
            self._edit(integration, "spec", suspend=True)
            away = self.random.choice([30.0, HOUR, 5 * DAY])
            self.agenda.after(away, self._resume_one, integration.uid)

    def _resume_one(self, uid: str) -> None:
        integration = self.server.integrations.get(uid)
        if integration is not None:
            self._edit(integration, "spec", suspend=False)

    def _replace_one(self) -> None:
        """Deleted and made anew under the same name, maybe in the middle of a run."""
        integration = self._any()
        if integration is not None:
            self.server.remove(integration.uid)
            self.agenda.after(1.0, self._make, integration.name)

    def _lose_a_finished_job(self) -> None:
        """Somebody tidies up, be its outcome recorded or not."""
        integration = self._any()
        jobs = list(self.server.jobs.get(integration.uid, {}).values()) if integration else []
        if jobs:
            job = self.random.choice(jobs)
            self.server.lose_job(job.owner_uid, job.name, job.uid)

    # --- administrators

    def _install(self, name: str) -> None:
        if name not in self.server.plugins:
            limit = _SERVICES[name]
            uid = f"plugin-{next(self._uids)}"
            self.server.put_plugin(Plugin(uid, name, 0, max_concurrent_fetches=limit))

    def _plugin_goes(self) -> None:
        name = self.random.choice(list(_SERVICES))
        if name in self.server.plugins:
            self.server.remove_plugin(name)
            self.agenda.after(self.random.choice([20.0, 600.0, 8 * HOUR]), self._install, name)

    def _plugin_changes(self) -> None:
        """Its limit, and its minimum of two days for a while."""
        name = self.random.choice(list(self.server.plugins))
        least = self.random.choice([1, 2 * self._minutes])
        changed = replace(
            self.server.plugins[name],
            max_concurrent_fetches=max(1, _SERVICES[name] + self.random.randint(-2, 2)),
            min_update_frequency_minutes=least,
        )
        self.server.put_plugin(changed)
        if least > 1:
            self.agenda.after(3 * DAY, self._no_minimum, name)

    def _no_minimum(self, name: str) -> None:
        if plugin := self.server.plugins.get(name):
            self.server.put_plugin(replace(plugin, min_update_frequency_minutes=1))

    def _enable(self, *, suspend: bool) -> None:
        known = self.server.scheduler
        uid = known.uid if known is not None else f"scheduler-{next(self._uids)}"
        self.server.put_scheduler(
            Scheduler(uid, "spark", "spark", 0, suspend=suspend, max_concurrent_fetches=40)
        )

    def _all_suspended(self) -> None:
        if self.server.scheduler is not None and not self.server.scheduler.suspend:
            self._enable(suspend=True)
            away = self.random.choice([60.0, 2 * HOUR])
            self.agenda.after(away, lambda: self._enable(suspend=False))

    def _scheduler_goes(self) -> None:
        if self.server.scheduler is not None:
            self.server.remove_scheduler()
            self.agenda.after(HOUR, lambda: self._enable(suspend=False))

    # --- Jobs

    def _fate_of(self, integration: Integration, run: Run) -> fates.Fate:
        """Failures come in a row: what failed is likelier to fail again."""
        before = self.oracle.ledgers[integration.uid].failing
        chance = 0.5 if before else min(0.3, 0.03 * self._trouble)
        return fates.throw(
            self.random,
            failing=self.random.random() < chance,
            timeout=integration.spec.timeout_seconds,
        )
