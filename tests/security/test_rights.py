"""What the chart grants to the operator is what the operator asks for: no more, no less, by the API server's own log.

``pytest -s tests/security/test_rights.py`` prints the report.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from tests.operator.support import fails, job_of, pod_of
from tests.security.edits import edited
from tests.security.installation import GROUP, NAME, Installation
from tests.security.shapes import job
from tests.support.waiting import until
from tests.support.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow, pytest.mark.timeout(400)]

Right = tuple[str, str, str]
POSTGRES = {"destination": {"type": "postgres", "secretName": "warehouse"}}
QUICK = {"delay": "100ms"}
ONCE = {"retryDelaysSeconds": [3600], "updateFrequencyMinutes": 1440}


@pytest.fixture(scope="module")
def lived(installation: Installation) -> Iterator[Installation]:
    """Everything that can happen to an installation, once."""
    world = World(installation.cluster, namespace="team-a")
    first = installation.start()
    installation.wait_leading(first)
    second = installation.start()
    _successes(world)
    _failures(world)
    _jobs_that_must_not_be(world)
    _a_pod_that_does_not_start(world)
    _a_handover(world, installation, first, second)
    yield installation
    world.close()


def _successes(world: World) -> None:
    """A fetch, a request, a check, a claim that is missed and then there, write-back, and the history pruned."""
    world.make("plain", fate=QUICK, **POSTGRES)
    world.wait_outcome("plain", 1)
    for number in (2, 3):
        world.request("plain", f"t{number}")
        world.wait_outcome("plain", number)
    world.request("plain", "t4", mode="check")
    world.wait_outcome("plain", 4)
    world.make("filed", fate=QUICK, destination={"type": "duckdb", "claimName": "lake"})
    world.wait_reason("filed", "InvalidConfig")
    claim = {
        "metadata": {"name": "lake"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
    }
    world.core.create_namespaced_persistent_volume_claim(world.namespace, claim)
    until(lambda: world.run("filed") != {}, 40, "the claim is not found")
    world.change_plugin(credentials=[{"name": "token"}], writesCredentials=True)
    account = {"metadata": {"name": "spark-fetch-rotating"}}
    world.core.create_namespaced_service_account(world.namespace, account)
    world.make(
        "rotating",
        fate=QUICK,
        credentialsSecretName="alice",
        credentialsWriteBack=True,
        **POSTGRES,
    )
    assert world.wait_outcome("rotating", 1)["outcome"] == "Succeeded"


def _failures(world: World) -> None:
    world.make("bad", fate=fails(), **POSTGRES, **ONCE)
    assert world.wait_outcome("bad", 1)["outcome"] == "Failed"
    until(lambda: world.events("bad") != [], 10, "no Event")


def _jobs_that_must_not_be(world: World) -> None:
    """One that nobody claimed, and one that somebody deletes while it runs."""
    uid = world.make("haunted", fate=QUICK, **POSTGRES)
    world.wait_outcome("haunted", 1)
    body = edited(
        job(world.namespace, name="haunted"),
        {
            "metadata/name": "stray",
            "metadata/ownerReferences/0/uid": uid,
            f"metadata/labels/{GROUP}~run": "9",
        },
    )
    world.jobs.create_namespaced_job(world.namespace, body)
    until(lambda: "stray" not in world.job_names(), 10, "the stray stays")
    world.make("gone", fate={"outcome": "hang"}, **POSTGRES, **ONCE)
    world.delete("job", job_of(world, "gone"))
    assert world.wait_outcome("gone", 1)["errorClass"] == "lost"


def _a_pod_that_does_not_start(world: World) -> None:
    fate = {"outcome": "pending", "reason": "ErrImagePull", "message": "no such image"}
    world.make("stuck", fate=fate, **POSTGRES, **ONCE)
    until(
        lambda: "no such image" in world.condition("stuck").get("message", ""),
        40,
        lambda: f"nobody looks at the pod: {world.status('stuck')}",
    )


def _a_handover(world: World, installation: Installation, first: int, second: int) -> None:
    """The leader is killed during a fetch; the next one finishes it, and gives the lead up when asked to end."""
    world.make("long", fate={"delay": "20s"}, **POSTGRES)
    pod_of(world, job_of(world, "long"))
    installation.kill(first)
    installation.wait_leading(second)
    assert world.wait_outcome("long", 1, seconds=60)["outcome"] == "Succeeded"
    installation.terminate(second)


def report(granted: set[Right], used: Counter[Right]) -> str:
    lines = [f"{'verb':<8} {'resource':<52} {'granted':<8} {'requests':>8}"]
    for verb, group, resource in sorted(granted | set(used), key=lambda r: (r[1], r[2], r[0])):
        right = (verb, group, resource)
        where = f"{resource}.{group}" if group else resource
        lines.append(
            f"{verb:<8} {where:<52} {'yes' if right in granted else 'NO':<8} {used[right]:>8}"
        )
    return "\n".join(lines)


def by_our_roles(lived: Installation) -> Counter[Right]:
    return Counter(
        (a.verb, a.group, a.resource)
        for a in lived.asked()
        if a.resource and a.allowed and f'"{NAME}' in a.why
    )


def test_what_is_granted_is_used_and_what_is_used_is_granted(lived: Installation) -> None:
    granted, used = lived.granted(), by_our_roles(lived)
    print("\n" + report(granted, used))
    assert sum(used.values()) > 100, "the log tells of another installation"
    assert granted - set(used) == set(), "granted, but never used"
    assert set(used) - granted == set(), "used, but granted by no role of the chart"


def test_nothing_is_asked_for_that_is_refused(lived: Installation) -> None:
    refused = {(a.verb, a.group, a.resource, a.name) for a in lived.asked() if not a.allowed}
    assert refused == set()


def test_beside_its_own_roles_it_reads_what_everybody_may(lived: Installation) -> None:
    """Which kinds are served, as every client asks."""
    others = {
        (a.verb, a.resource or a.name, a.why)
        for a in lived.asked()
        if not (a.resource and f'"{NAME}' in a.why)
    }
    print("\n" + "\n".join(f"{verb:<6} {what:<40} {why}" for verb, what, why in sorted(others)))
    assert others, "how does it know that its kinds are served?"
    for verb, _, why in others:
        assert verb == "get"
        assert 'of ClusterRole "system:discovery"' in why


def test_no_verb_on_secrets_is_granted_or_tried(lived: Installation) -> None:
    tried = {(a.verb, a.resource) for a in lived.asked()}
    for _, resource in tried | {(verb, resource) for verb, _, resource in lived.granted()}:
        assert resource.partition("/")[0] not in {"secrets", "configmaps", "serviceaccounts", "*"}


def test_what_it_made_and_deleted_was_held_to_the_admission_policy(lived: Installation) -> None:
    """Nothing of that was refused, and all of it is what the policy is about: what else it makes is refused."""
    writes = [a for a in lived.asked() if a.resource == "jobs" and a.verb in ("create", "delete")]
    assert {a.verb for a in writes} == {"create", "delete"}
    assert {a.code for a in writes} <= {200, 201, 404, 409}
    assert lived.holds()
