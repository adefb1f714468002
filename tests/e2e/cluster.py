"""What these tests ask of the cluster and do to it, by kubectl and by an independent client."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from dev.demo.place import Place
from dev.demo.run import GROUP, NAMESPACE, SYSTEM, ready
from dev.waiting import until
from kubernetes import client, config

SHOP = f"http://shop.{NAMESPACE}.svc"


def integration(place: Place, name: str, namespace: str = NAMESPACE) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(
        place.kubectl("get", "integration", name, "-n", namespace, "-o", "json")
    )
    return body


def status(place: Place, name: str, namespace: str = NAMESPACE) -> dict[str, Any]:
    found: dict[str, Any] = integration(place, name, namespace).get("status", {})
    return found


def apply(place: Place, *bodies: dict[str, Any], namespace: str = NAMESPACE) -> None:
    text = "\n---\n".join(json.dumps(body) for body in bodies)
    place.kubectl("apply", "-n", namespace, "-f", "-", stdin=text)


def wanted(name: str, *, service: str = "rest", **spec: Any) -> dict[str, Any]:
    """An Integration with the shop's orders into PostgreSQL, and what is changed of it."""
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Integration",
        "metadata": {"name": name},
        "spec": {
            "service": service,
            "credentialsSecretName": "shop-token",
            "config": orders(),
            "destination": {"type": "postgres", "secretName": "warehouse"},
            **spec,
        },
    }


def orders(base: str = f"{SHOP}/api", path: str = "orders") -> dict[str, Any]:
    return {
        "baseUrl": base,
        "auth": {"type": "bearer"},
        "resources": [
            {
                "name": "orders",
                "path": path,
                "primaryKey": ["id"],
                "pagination": {"type": "link_header"},
            }
        ],
    }


def wait_ready(
    place: Place, name: str, reason: str, seconds: float = 90, namespace: str = NAMESPACE
) -> dict[str, Any]:
    """The Ready condition once it has that reason."""
    seen: list[dict[str, Any]] = [{}]

    def there() -> bool:
        seen[0] = ready(integration(place, name, namespace))
        return seen[0].get("reason") == reason

    try:
        until(there, seconds, reason, every=0.1)
    except TimeoutError:
        raise AssertionError(f"{name} is not {reason} after {seconds} s but {seen[0]}") from None
    return seen[0]


def force(place: Place, name: str, namespace: str = NAMESPACE) -> int:
    """Ask for a fetch; the number of the run that must follow."""
    number: int = status(place, name, namespace)["run"]["number"]
    place.kubectl(
        *("annotate", "integration", name, "-n", namespace, "--overwrite"),
        f"{GROUP}/requestedAt={time.time_ns()}",
    )
    return number + 1


def wait_run(
    place: Place, name: str, number: int, seconds: float = 90, namespace: str = NAMESPACE
) -> dict[str, Any]:
    """The run once it has ended."""

    seen: list[dict[str, Any]] = [{}]

    def ended() -> bool:
        seen[0] = status(place, name, namespace).get("run", {})
        return seen[0].get("number", 0) >= number and seen[0]["outcome"] != "Running"

    until(ended, seconds, f"run {number} of {name}", every=0.1)
    return seen[0]


def fetch(place: Place, name: str = "orders-to-postgres") -> None:
    """A forced fetch works."""
    run = wait_run(place, name, force(place, name))
    assert run["outcome"] == "Succeeded", run


def wait_claimed(place: Place, name: str, number: int) -> str:
    """The Job of that run, as soon as the run is recorded."""
    until(lambda: status(place, name)["run"]["number"] >= number, 5, "the claim", every=0.05)
    job: str = status(place, name)["run"]["jobName"]
    return job


def of_integration(place: Place, name: str) -> str:
    """The label selector of its Jobs and pods."""
    return f"{GROUP}/integration-uid={integration(place, name)['metadata']['uid']}"


def pods_of(place: Place, name: str) -> list[dict[str, Any]]:
    return place.get("pods", NAMESPACE, f"--selector={of_integration(place, name)}")


def pods_ended_at(place: Place, name: str) -> list[datetime]:
    """When the container of each pod of its fetches ended, where it has."""
    return [
        datetime.fromisoformat(container["state"]["terminated"]["finishedAt"])
        for pod in pods_of(place, name)
        for container in pod["status"].get("containerStatuses", ())
        if "terminated" in container["state"]
    ]


def jobs_of(place: Place, name: str) -> list[dict[str, Any]]:
    return place.get("jobs", NAMESPACE, f"--selector={of_integration(place, name)}")


def jobs_failed_at(place: Place, name: str) -> list[datetime]:
    return [
        datetime.fromisoformat(condition["lastTransitionTime"])
        for job in jobs_of(place, name)
        for condition in job["status"].get("conditions", ())
        if condition["type"] == "Failed"
    ]


def leader(place: Place) -> str:
    """The pod that holds the Lease, or nothing."""
    leases = place.get("leases", SYSTEM)
    holder: str = leases[0]["spec"].get("holderIdentity", "") if leases else ""
    return holder.split("_")[0]


def operators(place: Place) -> list[dict[str, Any]]:
    return place.get("pods", SYSTEM, "--selector=app.kubernetes.io/component=operator")


def logs(place: Place) -> str:
    """All that the fetches in the demonstration's namespace and the replicas have written."""
    # A pod that was listed may be gone before its log is asked for: what is left of the others counts.
    options = ("--tail=-1", "--prefix", "--ignore-errors")
    return "".join(
        place.kubectl(
            "logs", "-n", namespace, *options, "-l", f"app.kubernetes.io/component={name}"
        )
        for namespace, name in ((NAMESPACE, "fetch"), (SYSTEM, "operator"))
    )


def stop_operator(place: Place) -> None:
    """No replica runs any more."""
    place.kubectl("scale", "deployment", "--all", "--replicas=0", "-n", SYSTEM)
    until(lambda: not operators(place), 30, "no operator")


@contextmanager
def independent(place: Place) -> Iterator[client.ApiClient]:
    """A client that is not ours and is there already: where a second counts, kubectl takes too much of it."""
    api = config.new_client_from_config(place.environment["KUBECONFIG"])
    try:
        yield api
    finally:
        api.close()


def address(name: str) -> dict[str, str]:
    """An Integration, as the calls of ``CustomObjectsApi`` name it."""
    return {
        "group": GROUP,
        "version": "v1",
        "plural": "integrations",
        "namespace": NAMESPACE,
        "name": name,
    }


def order(place: Place) -> int:
    """A customer orders something; the identifier of the new order."""
    script = (
        "import json, urllib.request as u;"
        "r = u.Request('http://127.0.0.1:8000/orders', method='POST');"
        "print(json.load(u.urlopen(r))['id'])"
    )
    said = place.kubectl("exec", "-n", NAMESPACE, "deploy/shop", "--", "python3", "-c", script)
    return int(said)
