"""The judge must condemn: for each invariant a record that keeps it and records that break it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.chaos import due
from tests.chaos.audit import DOUBLE, LADDER, LOSS, STUCK, UNTRUE, Findings, audit
from tests.chaos.record import GROUP, Observation

MADE_AT = 1_800_000_000.0
UID = "uid-of-alice"


def stamp(at: float) -> str:
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Story:
    """A record told by hand. ``now`` moves only by ``later``; each telling is one revision."""

    def __init__(self, *, places: int = 10) -> None:
        self.now = MADE_AT
        self.observations: list[Observation] = []
        self.disturbances: list[tuple[float, float]] = []
        self.alice: dict[str, Any] = {
            "metadata": {
                "name": "alice",
                "uid": UID,
                "generation": 1,
                "creationTimestamp": stamp(self.now),
            },
            "spec": {
                "updateFrequencyMinutes": 10,
                "timeoutSeconds": 30,
                "retryDelaysSeconds": [60],
                "config": {},
            },
        }
        limits = {"spec": {"maxConcurrentFetches": places}}
        for kind in ("Scheduler", "Plugin"):
            self._tell(kind, {"metadata": {"name": kind, "uid": kind}, **limits})
        self.changed()

    def _tell(self, kind: str, body: dict[str, Any], *, deleted: bool = False) -> None:
        revision = len(self.observations) + 1
        body = copy.deepcopy(body)
        self.observations.append(Observation(revision, self.now, kind, deleted, body))

    def later(self, seconds: float) -> Story:
        self.now += seconds
        return self

    def changed(self) -> Story:
        self._tell("Integration", self.alice)
        return self

    def suspended(self, kind: str, yes: bool) -> Story:
        spec = {"maxConcurrentFetches": 10, "suspend": yes}
        self._tell(kind, {"metadata": {"name": kind, "uid": kind}, "spec": spec})
        return self

    def annotated(self, **values: str) -> Story:
        wanted = {f"{GROUP}/{name}": value for name, value in values.items()}
        self.alice["metadata"]["annotations"] = wanted
        return self.changed()

    def requested(self, token: str) -> Story:
        return self.annotated(requestedAt=token)

    @property
    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = self.alice.setdefault("status", {})
        return status

    def claim(self, trigger: str = "Scheduled", attempt: int = 1, **changes: Any) -> Story:
        number = self.status.get("run", {}).get("number", 0) + 1
        self.status["run"] = {
            "number": number,
            "attempt": attempt,
            "trigger": trigger,
            "generation": 1,
            "startedAt": stamp(self.now),
            "outcome": "Running",
            **changes,
        }
        self.status["lastTriggeredAt"] = stamp(self.now)
        annotations = self.alice["metadata"].get("annotations", {})
        self.status["lastHandledRequest"] = annotations.get(f"{GROUP}/requestedAt")
        self.status["lastHandledReset"] = annotations.get(f"{GROUP}/resetAt")
        return self.changed()

    def job(
        self, ended: str | None = None, *, uid: str = "", deleted: bool = False, run: int = 0
    ) -> Story:
        """A version of the Job of the run: ``ended`` is Complete or Failed."""
        run = run or self.status["run"]["number"]
        conditions = [{"type": ended, "status": "True"}] if ended else []
        metadata = {
            "name": f"alice-{run}",
            "uid": uid or f"job-{run}",
            "labels": {f"{GROUP}/run": str(run)},
            "ownerReferences": [{"uid": UID}],
        }
        body = {"metadata": metadata, "status": {"conditions": conditions}}
        self._tell("Job", body, deleted=deleted)
        return self

    def succeeded(self) -> Story:
        self.status["run"] |= {"outcome": "Succeeded", "finishedAt": stamp(self.now)}
        self.status["lastSuccessfulUpdateAt"] = stamp(self.now)
        self.status["consecutiveFailures"] = 0
        return self.changed()

    def failed(self, error_class: str = "transient", *, failures: int = 0) -> Story:
        self.status["run"] |= {
            "outcome": "Failed",
            "finishedAt": stamp(self.now),
            "errorClass": error_class,
        }
        self.status.pop("lastTriggeredAt", None)
        self.status["lastFailedAt"] = stamp(self.now)
        self.status["consecutiveFailures"] = failures
        return self.changed()

    def judged(self) -> Findings:
        return audit(
            self.observations,
            disturbances=self.disturbances,
            ended_at=self.now,
            tolerance_seconds=40.0,
        )


def fetched(story: Story) -> Story:
    return story.claim().job().later(2).job("Complete").succeeded()


def failing(story: Story) -> Story:
    return story.claim().job().later(2).job("Failed").failed()


def told(findings: Findings) -> list[str]:
    return [f"{v.invariant}: {v.what}" for v in findings.violations]


GOOD: dict[str, Callable[[Story], Any]] = {
    "a fetch, and the next when it is due": lambda s: fetched(fetched(s).later(600)),
    "a retry by the ladder": lambda s: (
        failing(s).later(60).claim("Retry", 2).job().job("Failed").failed(failures=1)
    ),
    "a failed cycle and its pause": lambda s: (
        failing(s)
        .later(60)
        .claim("Retry", 2)
        .job()
        .job("Failed")
        .failed(failures=1)
        .later(600)
        .claim()
    ),
    "a request in between": lambda s: fetched(s).later(9).requested("now").claim("Requested").job(),
    "an hour of rest while suspended": lambda s: (
        fetched(s).suspended("Scheduler", True).later(7200).suspended("Scheduler", False).later(1)
    ),
    "an outage, and one catch-up": lambda s: fetched(disturbed(fetched(s), 590, 5000).later(5020)),
    "a Job deleted by hand is lost": lambda s: (
        s.claim().job().later(5).job(deleted=True).failed("lost")
    ),
    "a Job deleted by hand before anybody saw it is made again": lambda s: (
        s.claim()
        .job()
        .job(deleted=True)
        .job(uid="again")
        .later(3)
        .job("Complete", uid="again")
        .succeeded()
    ),
    "a Job that is refused": lambda s: s.claim().failed("rejected"),
    "a check within the ladder, which goes on as if there had been none": lambda s: (
        checked(failing(s).later(9)).later(51).claim("Retry", 2).job()
    ),
    "failures that were cleared": lambda s: (
        cleared(fetched(s).later(600).claim().job().job("Failed").failed("permanent", failures=1))
        .later(1)
        .claim()
        .job()
    ),
    "failures that the claim itself clears": lambda s: (
        failing(s).annotated(resetAt="r1").later(1).claim().job()
    ),
}


def disturbed(story: Story, start: float, end: float) -> Story:
    story.disturbances.append((story.now + start, story.now + end))
    return story


BAD: dict[str, tuple[str, Callable[[Story], Any]]] = {
    "a second Job of the same run": (DOUBLE, lambda s: s.claim().job().job(uid="twin")),
    "a Job after its outcome was recorded": (
        DOUBLE,
        lambda s: fetched(s).job("Complete", deleted=True).job(uid="again"),
    ),
    "a Job that nobody claimed": (DOUBLE, lambda s: fetched(s).job(run=2)),
    "a Job before any claim": (DOUBLE, lambda s: s.job(run=1)),
    "a claim while the last run goes on": (DOUBLE, lambda s: s.claim().job().claim()),
    "a claim of the same slot again": (DOUBLE, lambda s: fetched(fetched(s).later(10))),
    "a claim before the delay of the retry": (
        DOUBLE,
        lambda s: failing(s).later(50).claim("Retry", 2),
    ),
    "a claim before Retry-After has ended, though requested": (
        DOUBLE,
        lambda s: limited(s).later(70).requested("now").claim("Requested"),
    ),
    "a claim too soon after a lost run": (
        DOUBLE,
        lambda s: (
            s.claim()
            .job()
            .job(deleted=True)
            .failed("lost")
            .requested("x")
            .later(5)
            .claim("Requested")
        ),
    ),
    "a claim while suspended": (DOUBLE, lambda s: suspended(s).claim()),
    "a run that is recorded twice": (DOUBLE, lambda s: fetched(s).failed()),
    "a run number left out": (DOUBLE, lambda s: s.claim(number=2)),
    "a request that is not taken": (
        DOUBLE,
        lambda s: forgetful(fetched(s).later(9).requested("now")),
    ),
    "two unfinished Jobs for long": (
        DOUBLE,
        lambda s: (
            s.claim().job().later(15).failed("lost").later(30).claim("Retry", 2).job().later(20)
        ),
    ),
    "a first fetch that does not come": (LOSS, lambda s: s.later(45)),
    "a slot that nobody claims": (LOSS, lambda s: fetched(s).later(645)),
    "a retry that does not come": (LOSS, lambda s: failing(s).later(105)),
    "a request that nobody answers": (LOSS, lambda s: fetched(s).requested("now").later(45)),
    "a claim without its Job": (STUCK, lambda s: s.claim().later(45)),
    "an ended Job without its outcome": (
        STUCK,
        lambda s: s.claim().job().job("Complete").later(45),
    ),
    "an outcome that comes late": (
        STUCK,
        lambda s: s.claim().job().job("Complete").later(45).succeeded(),
    ),
    "a Job that never ends": (STUCK, lambda s: s.claim().job().later(30 + 75 + 45)),
    "a success without a Job": (UNTRUE, lambda s: s.claim().succeeded()),
    "a success of a Job that failed": (UNTRUE, lambda s: s.claim().job().job("Failed").succeeded()),
    "a failure of a Job that completed": (
        UNTRUE,
        lambda s: s.claim().job().job("Complete").failed(),
    ),
    "a lost Job that is there": (UNTRUE, lambda s: s.claim().job().failed("lost")),
    "a rejected Job that is there": (UNTRUE, lambda s: s.claim().job().failed("rejected")),
    "a check that counts as a success": (
        UNTRUE,
        lambda s: checked(failing(s).later(9), lastSuccessfulUpdateAt=stamp(s.now)),
    ),
    "a check that clears the failures": (
        LADDER,
        lambda s: checked(
            s.claim().job().job("Failed").failed("permanent", failures=1), consecutiveFailures=0
        ),
    ),
    "a failure that leaves lastTriggeredAt": (
        UNTRUE,
        lambda s: stale(s.claim().job().job("Failed")),
    ),
    "a retry in place of the fetch that a reset makes due": (
        LADDER,
        lambda s: failing(s).annotated(resetAt="r1").later(60).claim("Retry", 2),
    ),
    "a retry that counts as the first attempt": (LADDER, lambda s: failing(s).later(60).claim()),
    "a failed cycle that is not counted": (
        LADDER,
        lambda s: s.claim().job().job("Failed").failed("permanent", failures=0),
    ),
}


def checked(story: Story, **changes: Any) -> Story:
    """A check that passes; ``changes`` is what it does to the status and must not."""
    before, number = copy.deepcopy(story.status), story.status["run"]["number"] + 1
    asked = {due.REQUESTED_AT: "check", due.REQUESTED_MODE: "check"}
    story.alice["metadata"]["annotations"] = asked
    story.changed()
    kept = {"lastFetch": before["run"], "lastHandledRequest": "check"}
    story.alice["status"] = {**before, **kept}
    story.status["run"] = {
        "number": number,
        "attempt": 1,
        "trigger": "Requested",
        "mode": "check",
        "generation": 1,
        "startedAt": stamp(story.now),
        "outcome": "Running",
    }
    story.changed().job().job("Complete")
    ended = {"outcome": "Succeeded", "finishedAt": stamp(story.now)}
    story.status["run"] = {**story.status["run"], **ended}
    story.status.update(changes)
    return story.changed()


def cleared(story: Story) -> Story:
    story.status["run"] = {**story.status["run"], "failureCleared": True}
    story.status.update(consecutiveFailures=0, lastHandledReset="r1")
    return story.changed()


def limited(story: Story) -> Story:
    story.claim().job().job("Failed")
    story.status["run"]["retryAfterSeconds"] = 90
    return story.failed("rateLimited")


def suspended(story: Story) -> Story:
    story.alice["spec"]["suspend"] = True
    return story.changed()


def forgetful(story: Story) -> Story:
    run = story.status["run"]
    story.status["run"] = {**run, "number": run["number"] + 1, "outcome": "Running"} | {
        "trigger": "Requested",
        "startedAt": stamp(story.now),
    }
    return story.changed()


def stale(story: Story) -> Story:
    triggered = story.status["lastTriggeredAt"]
    story.failed()
    story.observations.pop()
    story.status["lastTriggeredAt"] = triggered
    return story.changed()


@pytest.mark.parametrize("name", GOOD)
def test_what_keeps_the_rules_is_not_condemned(name: str) -> None:
    story = Story()
    GOOD[name](story)
    findings = story.judged()
    assert told(findings) == []
    assert findings.checks[DOUBLE] > 0


@pytest.mark.parametrize("name", BAD)
def test_what_breaks_a_rule_is_condemned_for_it(name: str) -> None:
    invariant, tell = BAD[name]
    story = Story()
    tell(story)
    assert invariant in {v.invariant for v in story.judged().violations}


def test_waiting_for_a_place_is_no_loss_and_waiting_beside_a_free_one_is() -> None:
    for places, lost in ((1, False), (2, True)):
        story = Story(places=places)
        story.claim().job()
        bob = copy.deepcopy(story.alice)
        del bob["status"]
        bob["metadata"] |= {"name": "bob", "uid": "uid-of-bob"}
        story._tell("Integration", bob)
        story.later(50)
        assert any(v.who == "bob" for v in story.judged().violations) is lost


def test_lateness_is_measured_where_nothing_disturbed() -> None:
    story = Story()
    fetched(fetched(story).later(603))
    assert [round(late) for late in story.judged().lateness] == [0, 3]
    disturbed(story, -20, 0)
    assert len(story.judged().lateness) == 1
