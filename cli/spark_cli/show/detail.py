"""Everything about one Integration, for whoever is looking at that one."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from spark_cli.decide import state
from spark_cli.show import table
from spark_cli.show.times import ago, ahead, duration, exact
from spark_operator.decide import request, schedule, validity
from spark_operator.model import destination as destinations
from spark_operator.model import fields, timestamps
from spark_operator.model.integration import Integration
from spark_operator.model.plugin import Plugin
from spark_operator.model.result import clean
from spark_operator.model.scheduler import Scheduler
from spark_operator.model.status import Run

_EVENTS = 5
Pair = tuple[str, str]


def _when(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return ""
    told = ago(moment, now) or "in the future, by a clock that was wrong: counts as absent"
    return f"{exact(moment)} ({told})"


def pairs(found: Iterable[Pair], *, indent: str = "") -> None:
    """``Label:  text`` for what is there."""
    told = [(label, text) for label, text in found if text]
    width = max((len(label) for label, _ in told), default=0) + 1
    for label, text in told:
        print(f"{indent}{f'{label}:'.ljust(width)}  {clean(text, 2_000)}".rstrip())


def _frequency(integration: Integration, plugin: Plugin | None) -> str:
    spec = integration.spec
    if plugin is None:
        asked = spec.update_frequency_minutes
        return "" if asked is None else f"{asked} minutes"
    every = duration(schedule.frequency(spec, plugin))
    origin = "" if spec.update_frequency_minutes else " (the Plugin's default)"
    return f"{every}{origin}{schedule.frequency_note(spec, plugin)}"


def _destination(integration: Integration, scheduler: Scheduler | None) -> str:
    target = integration.spec.destination
    origin = ""
    if target is None:
        if scheduler is None:
            return "the Scheduler's"
        target = validity.effective_destination(integration, scheduler)
        origin = " (the Scheduler's)"
    told = destinations.document(target, namespace=integration.namespace, name=integration.name)
    parts = [f"{key} {value}" for key, value in told.items() if key != "type" and value]
    return f"{target.type}, {', '.join(parts)}{origin}"


def run_pairs(run: Run, attempts: int, now: datetime) -> Iterator[Pair]:
    """A run, as pairs."""
    since = f" since {exact(run.since)}" if run.since else ""
    yield "Run", f"{run.number}, attempt {run.attempt} of {attempts}, {run.trigger}"
    yield "Mode", f"{run.mode}{since}"
    yield "Started", _when(run.started_at, now)
    if run.started_at and run.finished_at:
        took = duration(run.finished_at - run.started_at)
        yield "Finished", f"{_when(run.finished_at, now)}, after {took}"
    yield "Outcome", run.outcome + (f" ({run.error_class})" if run.error_class else "")
    yield "Rows", "" if run.rows is None else str(run.rows)
    yield "Message", run.message or ""
    yield "Request", run.request or ""
    yield "Job", run.job_name


def _request(integration: Integration) -> str:
    asked = request.asked(integration)
    if asked is not None:
        since = f" since {exact(asked.since)}" if asked.since else ""
        return f"{asked.mode}{since}, not taken yet ({integration.requested_at})"
    return request.problem(integration).strip()


def integration(
    subject: Integration,
    plugin: Plugin | None,
    scheduler: Scheduler | None,
    events: Sequence[Mapping[str, Any]],
    now: datetime,
) -> None:
    """On standard output."""
    line, status, spec = state.line(subject), subject.status, subject.spec
    attempts = len(spec.retry_delays_seconds) + 1
    pairs(
        [
            ("Name", subject.name),
            ("Namespace", subject.namespace),
            ("Service", spec.service),
            ("State", line.state),
            ("Why", line.message),
            ("Every", _frequency(subject, plugin)),
            ("Last success", _when(status.last_successful_update_at, now)),
            ("Last failure", _when(status.last_failed_at, now)),
            ("Next", f"{exact(line.next)} ({ahead(line.next, now)})" if line.next else ""),
            ("Failed cycles", str(line.failures) if line.failures else ""),
            ("Asked for", _request(subject)),
            ("Retries after", ", ".join(f"{s} s" for s in spec.retry_delays_seconds) or "never"),
            ("Timeout", f"{spec.timeout_seconds} s"),
            ("Credentials", f"Secret {n}" if (n := spec.credentials_secret_name) else "none"),
            ("Destination", _destination(subject, scheduler)),
        ]
    )
    if status.run is not None:
        print("\nLatest run")
        pairs(run_pairs(status.run, attempts, now), indent="  ")
    if status.last_fetch is not None:
        print("\nThe fetch before that check")
        pairs(run_pairs(status.last_fetch, attempts, now), indent="  ")
    if told := _events(events, now):
        print("\nEvents")
        for each in table.lines(("LAST SEEN", "TYPE", "REASON", "MESSAGE"), told):
            print(f"  {each}")


def _events(events: Sequence[Mapping[str, Any]], now: datetime) -> list[tuple[str, ...]]:
    """The newest last."""
    told = []
    for event in events:
        seen = next(
            (
                moment
                for key in ("lastTimestamp", "eventTime", "firstTimestamp")
                if (moment := timestamps.parse(event.get(key))) is not None
            ),
            None,
        )
        said = [fields.text(event.get(key)) for key in ("type", "reason", "message")]
        told.append((seen or now, said))
    told.sort(key=lambda pair: pair[0])
    return [(ago(seen, now), *said) for seen, said in told[-_EVENTS:]]
