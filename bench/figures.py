"""From what was measured to the figures of the table and the lines of the plots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import mean, median

from bench.budgets import Metric
from bench.dispatch import Burst
from bench.plot import Line, cumulative, svg
from bench.processor import Spent
from bench.rest import Rest
from bench.steady import Steady


@dataclass
class AtOnce:
    """One number of Integrations due at one moment. The bare client goes first and last, so that a
    machine that changes its pace meanwhile shows, and its mean is the reference."""

    integrations: int
    ours: dict[int, Burst] = field(default_factory=dict)
    bare: list[Burst] = field(default_factory=list)
    bare_on_as_many: Burst | None = None
    cron_jobs: Burst | None = None
    ours_stock: Burst | None = None
    cron_jobs_stock: Burst | None = None

    def metrics(self) -> list[Metric]:
        found = []
        cron = self.cron_jobs
        cron_rate = None if cron is None else cron.per_second
        bare = mean(b.per_second for b in self.bare) if self.bare else None
        bare_cpu = mean(b.cpu_milliseconds["apiserver"] for b in self.bare) if self.bare else None
        for replicas, burst in self.ours.items():
            figures: list[tuple[str, float, float | None]] = [
                ("dispatchesPerSecondToBare", burst.per_second, bare),
                (
                    "dispatchesPerSecondToAsMany",
                    burst.per_second,
                    None if self.bare_on_as_many is None else self.bare_on_as_many.per_second,
                ),
                ("dispatchesPerSecondToCronJobs", burst.per_second, cron_rate),
                ("atOnceLatenessP50", burst.late(50), None if cron is None else cron.late(50)),
                ("atOnceLatenessP99", burst.late(99), None if cron is None else cron.late(99)),
                (
                    "operatorCpuPerDispatch",
                    burst.cpu_milliseconds["operator"],
                    burst.cpu_milliseconds["apiserver"],
                ),
                ("apiserverCpuPerDispatch", burst.cpu_milliseconds["apiserver"], bare_cpu),
            ]
            if burst.operator_peak_megabytes is not None:
                figures.append(("peakResident", burst.operator_peak_megabytes, None))
            found += [
                Metric(name, value, self.integrations, replicas, self.integrations, reference)
                for name, value, reference in figures
            ]
        return found + self._stock()

    def spent(self) -> dict[str, Spent]:
        """By who made the Jobs: where the processor's time went."""
        makers: dict[str, Burst | None] = {"operator": self.ours.get(min(self.ours, default=1))}
        makers["CronJob controller"] = self.cron_jobs
        makers["bare client"] = self.bare[0] if self.bare else None
        return {
            name: Spent(burst.cpu_milliseconds, burst.per_second)
            for name, burst in makers.items()
            if burst is not None
        }

    def _stock(self) -> list[Metric]:
        ours, cron = self.ours_stock, self.cron_jobs_stock
        if ours is None or cron is None:
            return []
        return [
            Metric(name, value, self.integrations, 1, self.integrations, reference)
            for name, value, reference in (
                ("dispatchesPerSecondToStockCronJobs", ours.per_second, cron.per_second),
                ("stockLatenessP99", ours.late(99), cron.late(99)),
            )
        ]


def of_steady(steady: Steady, integrations: int, replicas: int, dense: bool) -> list[Metric]:
    """``dense``: more than the budget is about, to see where the machine is saturated."""
    kind = "dense" if dense else "spread"
    figures: list[tuple[str, float, float | None]] = [
        (f"{kind}LatenessP50", steady.late(50), None),
        (f"{kind}LatenessP99", steady.late(99), None),
        ("writesPerFetch", steady.writes_per_fetch, None),
        ("writesPerFetchOfAll", steady.writes_per_fetch_of_all, None),
        ("podReadsPerFetch", steady.pod_reads_per_fetch, None),
        (
            "operatorCpuPerFetch",
            steady.cpu_milliseconds["operator"],
            steady.cpu_milliseconds["apiserver"],
        ),
    ]
    samples = len(steady.lateness_seconds)
    return [
        Metric(name, value, integrations, replicas, samples, reference)
        for name, value, reference in figures
    ]


def of_rest(rest: Rest, integrations: int, replicas: int) -> list[Metric]:
    minutes = rest.window_seconds / 60
    figures: list[tuple[str, float, int]] = [
        ("startSeconds", rest.start_seconds, 1),
        ("idleCpu", rest.leader.cpu_percent, 1),
        ("idleResident", rest.leader.resident_megabytes, 1),
        ("idleRequests", rest.requests / minutes, 1),
        ("idleLists", rest.lists / minutes, 1),
        ("eventCpu", rest.event_cpu_milliseconds, 1),
        ("scrapeCpu", rest.scrape_cpu_milliseconds, 1),
        ("scrapeSize", rest.scrape_megabytes, 1),
        ("scrapeResident", rest.scrape_resident_megabytes, 1),
        ("forceP50", rest.forced(50) * 1000, len(rest.force_seconds)),
        ("forceP99", rest.forced(99) * 1000, len(rest.force_seconds)),
    ]
    if rest.standby is not None:
        figures.append(("idleStandbyCpu", rest.standby.cpu_percent, 1))
        figures.append(("idleStandbyResident", rest.standby.resident_megabytes, 1))
    for name, gaps in (
        ("successorAfterSigterm", rest.gaps_after_sigterm_seconds),
        ("successorAfterSigkill", rest.gaps_after_sigkill_seconds),
    ):
        if gaps:
            figures.append((name, max(gaps), len(gaps)))
            figures.append((f"{name}P50", median(gaps), len(gaps)))
    wait, otherwise = rest.scrape_wait_milliseconds, rest.scrape_no_wait_milliseconds
    return [
        *(Metric(name, value, integrations, replicas, samples) for name, value, samples in figures),
        Metric("scrapeWait", wait, integrations, replicas, 1, otherwise),
    ]


def plots(
    at_once: Sequence[AtOnce],
    steady: Sequence[tuple[int, int, Steady]],
    rests: Sequence[tuple[int, Rest]],
) -> dict[str, str]:
    """SVG by file name. ``steady``: Integrations, replicas, what was measured."""
    drawn = {}
    if at_once:
        largest = at_once[-1]
        lines = [
            Line(
                f"operator, {replicas} replica{'s' * (replicas > 1)}",
                cumulative(b.lateness_seconds),
            )
            for replicas, b in largest.ours.items()
        ]
        lines += [Line("bare client", cumulative(b.lateness_seconds)) for b in largest.bare[:1]]
        if largest.cron_jobs is not None:
            lines.append(Line("CronJob controller", cumulative(largest.cron_jobs.lateness_seconds)))
        drawn["at-once.svg"] = svg(
            f"{largest.integrations} due at one moment: Jobs made by then",
            "seconds after all were due",
            "Jobs",
            lines,
            log_x=False,
        )
    if len(at_once) > 1:
        drawn["growth.svg"] = _growth(at_once)
    if steady:
        drawn["spread.svg"] = svg(
            "So many due within a minute: how late their Jobs exist",
            "lateness in seconds",
            "Jobs",
            [
                Line(
                    f"{count}, {replicas} replica{'s' * (replicas > 1)}",
                    cumulative(measured.lateness_seconds),
                )
                for count, replicas, measured in steady
            ],
            log_x=False,
        )
    gaps = [rest for _, rest in rests if rest.gaps_after_sigkill_seconds]
    if gaps:
        drawn["successor.svg"] = svg(
            "First dispatch of the successor, after each end of the leader",
            "seconds after the signal",
            "times",
            [
                Line("SIGTERM", cumulative(gaps[-1].gaps_after_sigterm_seconds)),
                Line("SIGKILL", cumulative(gaps[-1].gaps_after_sigkill_seconds)),
            ],
            log_x=False,
        )
    if len(rests) > 1:
        drawn["memory.svg"] = svg(
            "Memory of the leader at rest",
            "Integrations",
            "MB",
            [Line("RSS", [(float(n), rest.leader.resident_megabytes) for n, rest in rests])],
            log_x=True,
        )
    return drawn


def _growth(at_once: Sequence[AtOnce]) -> str:
    def line(label: str, rates: Sequence[tuple[int, float]]) -> Line:
        return Line(label, [(float(n), rate) for n, rate in rates])

    first = min(replicas for one in at_once for replicas in one.ours)
    lines = [
        line("operator", [(a.integrations, a.ours[first].per_second) for a in at_once]),
        line(
            "bare client",
            [(a.integrations, mean(b.per_second for b in a.bare)) for a in at_once if a.bare],
        ),
        line(
            "CronJob controller",
            [(a.integrations, a.cron_jobs.per_second) for a in at_once if a.cron_jobs],
        ),
    ]
    return svg(
        "Dispatches a second, all due at one moment",
        "Integrations",
        "1/s",
        [one for one in lines if one.points],
        log_x=True,
    )
