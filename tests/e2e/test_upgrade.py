"""From the release before to this one, back, away, and here again, with Integrations in every state.

What was kept is judged by the judge of the chaos tests, from the API server's own record.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from dev.demo.place import Place
from dev.demo.run import GROUP, RELEASE, SYSTEM
from dev.images import Images, reference
from dev.waiting import until
from tests.chaos.audit import audit
from tests.chaos.record import Observation, Recorder
from tests.e2e import cluster, service, shop
from tests.e2e.cluster import orders, wanted
from tests.support import history

from dev import paths

# What is waited for ends by itself, and says what it waited for: this is only the last resort.
pytestmark = [pytest.mark.node, pytest.mark.timeout(900)]

# There is no release yet. This stands for one: before it the chart knew neither values for production
# nor hosts that a fetch may reach.
PREVIOUS = "8930154e4227a41abfaa8bdcd419dd613e4b1114"
NAMESPACE = "team-b"
SHOP = f"http://shop.{shop.NAMESPACE}.svc"
TOLERANCE_SECONDS = 30.0
# Two go on with each minute; each of the others is in a state of its own, and stays in it.
MINUTELY = ("minute-a", "minute-b")
RESTING = {
    "hourly": "Fetched",
    "no-host": "BackingOff",
    "wrong-token": "InvalidCredentials",
    "suspended": "Suspended",
    "unknown": "UnknownService",
    "config": "InvalidConfig",
    "waits": "AtCapacity",
    "holds": "Fetching",
}
# The judge knows one Plugin, and what is due by the spec alone.
JUDGED = {*MINUTELY, "hourly", "no-host", "wrong-token", "suspended"}
SCHEDULER = {"spec": {"maxConcurrentFetches": 20}}
# One feed at a time, so that one that does not end lets the other wait.
ONE_FEED = {"rss": {"maxConcurrentFetches": 1}}
# Services of the cluster have private addresses, and the earlier chart has no word for that.
SERVICES = {"egressHosts": [f"*.{shop.NAMESPACE}.svc", f"*.{NAMESPACE}.svc"]}


@dataclass
class Release:
    """A chart, what its Plugins are told, and the tag of the images that belong to it."""

    chart: Path
    tag: str
    plugins: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def previous(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Release:
    """Its images are built from its own sources, and lie on the node beside those of this checkout."""
    sources = tmp_path_factory.mktemp("previous")
    history.unpack(paths.ROOT, PREVIOUS, sources)
    assert place.local is not None
    for image in Images(sources, tag="previous").build().values():
        place.local.load_image(image)
    return Release(sources / "charts" / "spark-integrations", "previous", ONE_FEED)


CURRENT = Release(
    paths.ROOT / "charts" / "spark-integrations",
    "dev",
    {"rest": SERVICES, "rss": {**ONE_FEED["rss"], **SERVICES}},
)


def install(place: Place, release: Release, folder: Path) -> None:
    """Installed, upgraded or downgraded: the same command."""
    images = {
        target: {
            "repository": reference(target, release.tag).rpartition(":")[0],
            "tag": release.tag,
        }
        for target in ("operator", "runner")
    }
    values = folder / f"{release.tag}.json"
    told = {"scheduler": SCHEDULER, "plugins": {"overrides": release.plugins}, "image": images}
    values.write_text(json.dumps(told))
    place.run(
        "helm",
        *("upgrade", "--install", RELEASE, str(release.chart), "--namespace", SYSTEM),
        *("--create-namespace", "--values", str(values), "--wait", "--timeout", "120s"),
    )


def integrations(place: Place) -> Iterator[dict[str, Any]]:
    fetched = {"config": orders(f"{SHOP}/api")}
    for name in MINUTELY:
        yield wanted(name, **fetched, updateFrequencyMinutes=1)
    yield wanted("hourly", **fetched, updateFrequencyMinutes=60)
    yield wanted(
        "no-host",
        config=orders("http://nowhere.invalid/api"),
        retryDelaysSeconds=[3600],
        updateFrequencyMinutes=60,
    )
    yield wanted("wrong-token", **fetched, credentialsSecretName="wrong", updateFrequencyMinutes=60)
    yield wanted("suspended", **fetched, suspend=True, updateFrequencyMinutes=60)
    yield wanted("unknown", service="nosuch")
    yield wanted("config", config={**orders(), "baseUrl": 7})
    feed = {"service": "rss", "credentialsSecretName": None, "timeoutSeconds": 3600}
    yield wanted(
        "holds", **feed, config={"url": f"http://trouble.{NAMESPACE}.svc/drips-feed/orders"}
    )


def waiting() -> dict[str, Any]:
    """A feed, once the place is taken."""
    return wanted(
        "waits",
        service="rss",
        credentialsSecretName=None,
        config={"url": f"{SHOP}/news.xml"},
    )


def runs(place: Place) -> dict[str, dict[str, Any]]:
    return {
        name: cluster.status(place, name, NAMESPACE).get("run", {})
        for name in (*MINUTELY, *RESTING)
    }


def stays(place: Place, before: dict[str, dict[str, Any]], uids: dict[str, str]) -> None:
    """Each is there, in its state, with the run that it had; the others have gone on."""
    for name in MINUTELY:
        cluster.wait_run(place, name, before[name]["number"] + 1, seconds=100, namespace=NAMESPACE)
    for name, reason in RESTING.items():
        cluster.wait_ready(place, name, reason, seconds=90, namespace=NAMESPACE)
    now = runs(place)
    for name in RESTING:
        assert now[name] == before[name], name
    assert uids_of(place) == uids


def uids_of(place: Place) -> dict[str, str]:
    found = place.get("integrations", NAMESPACE)
    return {item["metadata"]["name"]: item["metadata"]["uid"] for item in found}


def owner(job: Observation) -> str:
    uid: str = next(o["uid"] for o in job.body["metadata"]["ownerReferences"] if o["controller"])
    return uid


def judged(observations: list[Observation], uids: dict[str, str]) -> list[Observation]:
    concerned = {uids[name] for name in JUDGED}
    wanted_of = {
        "Integration": lambda seen: seen.uid in concerned,
        "Job": lambda seen: owner(seen) in concerned,
        "Plugin": lambda seen: seen.name == "rest",
        "Scheduler": lambda _: True,
    }
    return [seen for seen in observations if wanted_of[seen.kind](seen)]


def test_every_integration_goes_on_through_upgrade_downgrade_removal_and_reinstallation(
    place: Place, previous: Release, tmp_path: Path
) -> None:
    place.run("helm", "uninstall", RELEASE, "-n", SYSTEM, "--ignore-not-found", "--wait")
    place.kubectl("delete", "namespace", SYSTEM, NAMESPACE, "--ignore-not-found", "--timeout=150s")
    install(place, previous, tmp_path)
    shop.up(place)
    place.kubectl("create", "namespace", NAMESPACE)
    # A bare pod is refused until its ServiceAccount is there.
    account = ("serviceaccount/default", "-n", NAMESPACE)
    place.kubectl("wait", "--for=create", *account, "--timeout=60s")
    service.up(place, "trouble", NAMESPACE)
    kubeconfig = place.environment["KUBECONFIG"]
    recorder = Recorder(kubeconfig, NAMESPACE, tmp_path, scheduler_namespace=SYSTEM).start()
    try:
        secret = {"apiVersion": "v1", "kind": "Secret"}
        cluster.apply(
            place,
            place.warehouse(NAMESPACE),
            {**secret, "metadata": {"name": "shop-token"}, "stringData": shop.TOKEN},
            {**secret, "metadata": {"name": "wrong"}, "stringData": {"token": "let-me-in"}},
            *integrations(place),
            namespace=NAMESPACE,
        )
        cluster.wait_ready(place, "holds", "Fetching", namespace=NAMESPACE)
        cluster.apply(place, waiting(), namespace=NAMESPACE)
        for name in MINUTELY:
            cluster.wait_run(place, name, 1, namespace=NAMESPACE)
        for name, reason in RESTING.items():
            cluster.wait_ready(place, name, reason, seconds=100, namespace=NAMESPACE)
        uids = uids_of(place)
        assert set(uids) == {*MINUTELY, *RESTING}

        for release in (CURRENT, previous):
            before = runs(place)
            install(place, release, tmp_path)
            images = {
                container["image"]
                for pod in cluster.operators(place)
                if "deletionTimestamp" not in pod["metadata"]
                for container in pod["spec"]["containers"]
            }
            assert images == {reference("operator", release.tag)}
            stays(place, before, uids)

        away_from = time.time()
        place.run("helm", "uninstall", RELEASE, "-n", SYSTEM, "--wait", "--timeout", "60s")
        until(lambda: not cluster.operators(place), 30, "no operator")
        before = runs(place)
        assert uids_of(place) == uids
        jobs = {job["metadata"]["uid"] for job in place.get("jobs", NAMESPACE)}
        assert jobs
        install(place, CURRENT, tmp_path)
        until(lambda: bool(cluster.leader(place)), 30, "a leader", every=0.1)
        back_at = time.time()
        assert jobs <= {job["metadata"]["uid"] for job in place.get("jobs", NAMESPACE)}
        stays(place, before, uids)
        ended_at = time.time()
    finally:
        recorder.stop()

    observations = recorder.observations()
    jobs_of: dict[tuple[str, str], set[str]] = defaultdict(set)
    for seen in observations:
        if seen.kind == "Job":
            run = seen.body["metadata"]["labels"][f"{GROUP}/run"]
            jobs_of[owner(seen), run].add(seen.uid)
    assert {key: made for key, made in jobs_of.items() if len(made) > 1} == {}
    findings = audit(
        judged(observations, uids),
        disturbances=[(away_from, back_at)],
        ended_at=ended_at,
        tolerance_seconds=TOLERANCE_SECONDS,
    )
    print(
        f"{len(findings.claims)} fetches through four changes of the installation, "
        f"{sum(findings.checks.values())} checks: {len(findings.violations)} violations"
    )
    assert findings.violations == []
    assert len(findings.claims) >= len(MINUTELY) * 4
