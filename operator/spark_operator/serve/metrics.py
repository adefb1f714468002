"""What is counted as it happens: dispatches, runs, rows, requests. What stands now, a survey finds.

A label takes few values: services are those of the Plugins that exist, and whatever else a user may
write counts under UNKNOWN. The names are in docs/observability.md, which a test holds against these.
"""

import importlib.metadata
from collections.abc import Collection
from datetime import datetime
from typing import Protocol

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Histogram, Info, ProcessCollector

from spark_operator.model.status import ErrorClass, Mode, Run

PREFIX = "spark_integrations"
# No Plugin can have this name, as Kubernetes allows no underscore in one.
UNKNOWN = "_unknown"

CREATED, REJECTED, UNANSWERED = "created", "rejected", "unanswered"
DISPATCH_OUTCOMES = (CREATED, REJECTED, UNANSWERED)
SUCCEEDED, FAILED = "succeeded", "failed"

_SKEW_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
_DURATION_SECONDS = (1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)

# A second series for each counter, which tells what the first one's resets tell.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]


class _ByService(Protocol):
    def remove_by_labels(self, labels: dict[str, str]) -> None: ...


class Metrics:
    """One for a process: each has a registry of its own, so that tests may have many."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        Info(f"{PREFIX}_build", "The version of this replica.", registry=self.registry).info(
            {"version": importlib.metadata.version("spark-integrations")}
        )
        self._dispatches = Counter(
            f"{PREFIX}_dispatch_total",
            "Attempts to make the Job of a claimed run: created, rejected by the API server, or "
            "unanswered, which is tried again.",
            ("service", "outcome"),
            registry=self.registry,
        )
        self._skew = Histogram(
            f"{PREFIX}_dispatch_skew_seconds",
            "From the moment at which a run was due until its Job existed.",
            buckets=_SKEW_SECONDS,
            registry=self.registry,
        )
        self._runs = Counter(
            f"{PREFIX}_run_total",
            "Runs that ended, by result (succeeded, failed) and the class of the error.",
            ("service", "mode", "result", "class"),
            registry=self.registry,
        )
        self._durations = Histogram(
            f"{PREFIX}_run_duration_seconds",
            "From the claim of a run until its recorded end.",
            ("service",),
            buckets=_DURATION_SECONDS,
            registry=self.registry,
        )
        self._rows = Counter(
            f"{PREFIX}_rows_loaded_total",
            "Rows that runs said to have loaded.",
            ("service",),
            registry=self.registry,
        )
        self._requests = Counter(
            f"{PREFIX}_api_requests_total",
            "Requests to the API server; the code is none where no answer came.",
            ("verb", "resource", "code"),
            registry=self.registry,
        )
        self._by_service: tuple[_ByService, ...] = (
            self._dispatches,
            self._runs,
            self._durations,
            self._rows,
        )
        self._services: set[str] = set()
        self._expected: set[str] = set()

    def dispatched(self, service: str, *, due_at: datetime | None, now: datetime) -> None:
        """The Job of a run exists. ``due_at`` is None where nobody knows when it was due."""
        self._dispatches.labels(self._seen(service), CREATED).inc()
        if due_at is not None:
            # A wall clock that was set back makes nothing early.
            self._skew.observe(max(0.0, (now - due_at).total_seconds()))

    def not_dispatched(self, service: str, outcome: str) -> None:
        """``outcome`` is REJECTED or UNANSWERED."""
        self._dispatches.labels(self._seen(service), outcome).inc()

    def ended(self, service: str, run: Run) -> None:
        """The outcome of a run was recorded."""
        self._runs.labels(
            self._seen(service),
            run.mode.value,
            FAILED if run.failed else SUCCEEDED,
            run.error_class.value if run.error_class else "",
        ).inc()
        if run.started_at is not None and run.finished_at is not None:
            seconds = (run.finished_at - run.started_at).total_seconds()
            self._durations.labels(service).observe(max(0.0, seconds))
        self._rows.labels(service).inc(run.rows or 0)

    def requested(self, verb: str, resource: str, code: str) -> None:
        """A request was sent to the API server, and answered or not."""
        self._requests.labels(verb, resource, code).inc()

    def _seen(self, service: str) -> str:
        self._services.add(service)
        return service

    def expect(self, service: str) -> None:
        """Begin at zero: Prometheus knows no increase of a series that it sees for the first time."""
        if service in self._expected:
            return
        self._expected.add(service)
        self._seen(service)
        for outcome in DISPATCH_OUTCOMES:
            self._dispatches.labels(service, outcome)
        for class_ in ("", *(kind.value for kind in ErrorClass)):
            self._runs.labels(service, Mode.FETCH.value, FAILED if class_ else SUCCEEDED, class_)
        self._durations.labels(service)
        self._rows.labels(service)

    def keep(self, services: Collection[str]) -> None:
        """Forget what was counted for services that are gone."""
        for gone in self._services - {*services, UNKNOWN}:
            self._services.discard(gone)
            self._expected.discard(gone)
            for metric in self._by_service:
                metric.remove_by_labels({"service": gone})
