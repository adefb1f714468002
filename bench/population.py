"""The Integrations of a measurement, and what others would do in their place: pure, in prepared requests.

What the references send is built by the operator's own rules, so all make the same claims and Jobs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from bench import prepared
from bench.prepared import Prepared
from spark_operator.act import job_manifest, paths
from spark_operator.decide import decision as decisions
from spark_operator.decide import fetch, validity
from spark_operator.decide.view import View
from spark_operator.model import integration as integrations
from spark_operator.model import names, timestamps
from spark_operator.model import plugin as plugins
from spark_operator.model import scheduler as schedulers
from spark_operator.model import status as statuses

FREQUENCY_MINUTES = 1440
MOST_PER_SERVICE = 1000
"""As many fetches of one service may run at once at most: more of them need more services."""
LONG = {"outcome": "hang"}
"""Pods that go on until they are deleted, so that none ends while Jobs are still being made."""
SHORT = {"delay": "1s"}

_RUNNER_IMAGE = "none:1"


def name(number: int) -> str:
    """No dash in it: `audit.integration_of` reads it off a Job's name."""
    return f"i{number:05}"


def service(namespace: str, number: int) -> str:
    """The Plugin of that Integration."""
    group = number // MOST_PER_SERVICE
    return f"{namespace}-{group}" if group else namespace


def services(namespace: str, count: int) -> list[str]:
    return [service(namespace, n) for n in range(0, count, MOST_PER_SERVICE)]


def creations(
    namespace: str, count: int, fate: Mapping[str, str], frequency_minutes: int
) -> Iterable[list[Prepared]]:
    collection = paths.collection("integrations", namespace)
    config = {f"dev.spark/{key}": value for key, value in fate.items()}
    for number in range(count):
        body = {
            "apiVersion": names.API_VERSION,
            "kind": "Integration",
            "metadata": {"name": name(number)},
            "spec": {
                "service": service(namespace, number),
                "updateFrequencyMinutes": frequency_minutes,
                "timeoutSeconds": 3600,
                "config": config,
            },
        }
        yield [prepared.create(collection, body)]


def due(
    namespace: str, at: Mapping[str, datetime], frequency_minutes: int = FREQUENCY_MINUTES
) -> Iterable[list[Prepared]]:
    """Statuses by which each is due at its time: a success as long before as its frequency says."""
    for integration, moment in at.items():
        last = moment - timedelta(minutes=frequency_minutes)
        path = paths.integration(namespace, integration) + "/status"
        status = {"lastSuccessfulUpdateAt": timestamps.dump(last)}
        yield [prepared.merge(path, {"status": status})]


def touches(namespace: str, count: int) -> Iterable[list[Prepared]]:
    """Changes that concern nobody: a label of a user's."""
    for number in range(count):
        path = paths.integration(namespace, name(number))
        yield [prepared.merge(path, {"metadata": {"labels": {"touched": "yes"}}})]


def spread(count: int, start: datetime, seconds: float) -> dict[str, datetime]:
    """A due time for each, evenly over that long from ``start`` on; in whole seconds, as statuses are."""
    return {
        name(number): start + timedelta(seconds=int(number * seconds / count))
        for number in range(count)
    }


def claimed(
    body: Mapping[str, Any], plugin: Mapping[str, Any], scheduler: Mapping[str, Any], now: datetime
) -> tuple[Prepared, dict[str, Any]]:
    """The claim that the operator would write for this Integration now, and the Job it would make."""
    integration = integrations.parse(body)
    its_plugin, its_scheduler = plugins.parse(plugin), schedulers.parse(scheduler)
    view = View(integration, its_plugin, its_scheduler, admitted=True, status_is_live=True)
    decision = fetch.decide(view, now)
    if not isinstance(decision, decisions.Claim) or decision.status.run is None:
        raise ValueError(f"{integration.name} would not be claimed: {decision}")
    patch = {
        "metadata": {"resourceVersion": str(integration.resource_version)},
        "status": statuses.dump(decision.status),
    }
    job = job_manifest.build(
        integration,
        its_plugin,
        its_scheduler,
        decision.status.run,
        target=validity.effective_destination(integration, its_scheduler),
        runner_image=_RUNNER_IMAGE,
        now=now,
    )
    path = paths.integration(integration.namespace, integration.name) + "/status"
    return prepared.merge(path, patch), job


def job_creation(job: dict[str, Any]) -> Prepared:
    return prepared.create(paths.collection("jobs", job["metadata"]["namespace"]), job)


def cron_job(job: Mapping[str, Any], minute: datetime) -> Prepared:
    """A CronJob that makes this Job once, at that minute."""
    metadata = job["metadata"]
    at = minute.astimezone(UTC)
    body = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": metadata["labels"][names.LABEL_INTEGRATION_UID]},
        "spec": {
            "schedule": f"{at.minute} {at.hour} {at.day} {at.month} *",
            "timeZone": "Etc/UTC",
            "concurrencyPolicy": "Forbid",
            "jobTemplate": {"metadata": {"labels": metadata["labels"]}, "spec": job["spec"]},
        },
    }
    return prepared.create(f"/apis/batch/v1/namespaces/{metadata['namespace']}/cronjobs", body)
