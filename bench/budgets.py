"""What is promised (gate) and wished for (goal) of each figure, and whether a measured one keeps it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Budget:
    """``of_ratio``: the bounds are those of the ratio to the reference, and not of the value."""

    title: str
    unit: str
    gate: float | None = None
    goal: float | None = None
    of_ratio: bool = False
    more_is_better: bool = False
    reference: str = ""


BUDGETS = {
    "dispatchesPerSecondToBare": Budget(
        "dispatches of all due at once, beside a bare client",
        "1/s",
        0.65,
        0.8,
        of_ratio=True,
        more_is_better=True,
        reference="claim and Job by a bare client, 16 connections",
    ),
    "dispatchesPerSecondToAsMany": Budget(
        "the same, beside a bare client on as many connections as the operator",
        "1/s",
        of_ratio=True,
        more_is_better=True,
        reference="claim and Job by a bare client, a connection for each of our workers",
    ),
    "dispatchesPerSecondToCronJobs": Budget(
        "dispatches of all due at once, beside CronJobs",
        "1/s",
        2,
        3,
        of_ratio=True,
        more_is_better=True,
        reference="CronJob controller, client limits raised",
    ),
    "dispatchesPerSecondToStockCronJobs": Budget(
        "the same where Kubernetes' controllers have their default limits",
        "1/s",
        2,
        3,
        of_ratio=True,
        more_is_better=True,
        reference="CronJob controller of the same cluster",
    ),
    "stockLatenessP99": Budget(
        "lateness there, all due at once, p99", "s", reference="CronJob controller"
    ),
    "atOnceLatenessP50": Budget(
        "lateness, all due at once, p50", "s", reference="CronJob controller"
    ),
    "atOnceLatenessP99": Budget(
        "lateness, all due at once, p99", "s", reference="CronJob controller"
    ),
    "operatorCpuPerDispatch": Budget(
        "CPU of the operator for a dispatch", "ms", reference="CPU of the API server meanwhile"
    ),
    "peakResident": Budget("memory of the operator meanwhile, at most (RSS)", "MB"),
    "apiserverCpuPerDispatch": Budget(
        "CPU of the API server for a dispatch", "ms", reference="the same with the bare client"
    ),
    "spreadLatenessP50": Budget("lateness, spread over a while, p50", "s"),
    "spreadLatenessP99": Budget("lateness, spread over a while, p99", "s", 1, 0.25),
    "denseLatenessP50": Budget("lateness, more of them in the same while, p50", "s"),
    "denseLatenessP99": Budget("lateness, more of them in the same while, p99", "s"),
    "writesPerFetch": Budget("writes a fetch", "requests", 4, 4),
    "writesPerFetchOfAll": Budget("writes a fetch, those of all of Kubernetes", "requests"),
    "podReadsPerFetch": Budget("pod reads a fetch", "requests", 1, 1),
    "operatorCpuPerFetch": Budget(
        "CPU of the operator for a whole fetch", "ms", reference="CPU of the API server meanwhile"
    ),
    "startSeconds": Budget("start of a process → first dispatch", "s", 15, 6),
    "idleCpu": Budget("at rest: CPU of the leader", "% of a core", 0.5, 0.2),
    "idleResident": Budget("at rest: memory of the leader (RSS)", "MB", 200, 150),
    "idleStandbyCpu": Budget("at rest: CPU of the standby", "% of a core"),
    "idleStandbyResident": Budget("at rest: memory of the standby (RSS)", "MB"),
    "idleRequests": Budget(
        "at rest: requests beyond watches, Lease, heartbeat", "requests a minute", 0, 0
    ),
    "idleLists": Budget("at rest: lists (the relist)", "requests a minute"),
    "eventCpu": Budget("CPU of the leader for an event of which nothing follows", "ms"),
    "scrapeCpu": Budget("CPU of the leader for a scrape of its metrics", "ms"),
    "scrapeSize": Budget("size of a scrape", "MB"),
    "scrapeResident": Budget("memory of the leader once it is scraped (RSS)", "MB", 200, 150),
    "scrapeWait": Budget(
        "another request waits while a scrape goes on, at most",
        "ms",
        100,
        reference="without a scrape",
    ),
    "forceP50": Budget("asked for by annotation → Job exists, p50", "ms", 100, 50),
    "forceP99": Budget("asked for by annotation → Job exists, p99", "ms", 500, 150),
    "successorAfterSigterm": Budget("successor's first dispatch after SIGTERM, worst", "s", 2, 1),
    "successorAfterSigtermP50": Budget("successor's first dispatch after SIGTERM, p50", "s"),
    "successorAfterSigkill": Budget("successor's first dispatch after SIGKILL, worst", "s", 20, 17),
    "successorAfterSigkillP50": Budget("successor's first dispatch after SIGKILL, p50", "s"),
    "soakDispatches": Budget("soak: dispatches", "Jobs"),
    "soakDoubles": Budget("soak: runs with two Jobs", "runs", 0, 0),
    "soakLost": Budget("soak: due times without a Job within 30 s", "runs", 0, 0),
    "soakLatenessP50": Budget("soak: lateness, p50", "s"),
    "soakLatenessP99": Budget("soak: lateness, p99", "s", 1, 0.25),
    "soakResidentGrowth": Budget("soak: memory, last fifth by first", "times", 1.1, 1.02),
    "soakDescriptorGrowth": Budget("soak: file descriptors, last fifth by first", "times", 1.1, 1),
    "soakThreadGrowth": Budget("soak: threads, last fifth by first", "times", 1.1, 1),
    "soakTaskGrowth": Budget("soak: asyncio tasks, last fifth by first", "times", 1.1, 1.02),
    "fetchOverhead": Budget(
        "a fetch beyond an empty Job, on a real node",
        "s",
        3,
        1.5,
        reference="an empty Job, create → Complete",
    ),
}
"""In the order of the table. Design section 8 has the bounds; what has none is told for comparison."""


@dataclass(frozen=True)
class Metric:
    """One measured figure. ``samples``: of how many single measurements."""

    name: str
    value: float
    integrations: int
    replicas: int
    samples: int
    reference: float | None = None

    @property
    def budget(self) -> Budget:
        return BUDGETS[self.name]

    @property
    def ratio(self) -> float | None:
        """None without a reference, or with one of nothing."""
        return self.value / self.reference if self.reference else None

    def keeps(self, bound: float | None) -> bool | None:
        """None where nothing is asked."""
        measured = self.ratio if self.budget.of_ratio else self.value
        if bound is None or measured is None:
            return None
        return measured >= bound if self.budget.more_is_better else measured <= bound

    def dump(self) -> dict[str, Any]:
        budget = self.budget
        return {
            **asdict(self),
            "unit": budget.unit,
            "ratio": self.ratio,
            "gate": budget.gate,
            "goal": budget.goal,
            "boundsAreOfRatio": budget.of_ratio,
            "met": self.keeps(budget.gate),
            "goalMet": self.keeps(budget.goal),
        }
