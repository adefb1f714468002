"""The policy that holds the operator's own account: what it makes passes, and nothing else does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException
from tests.security.edits import edited
from tests.security.harmful import CHANGES, OWNER
from tests.security.shapes import SHAPES, job
from tests.support.account import HARMLESS, Account
from tests.support.waiting import until
from tests.support.world import World

pytestmark = [pytest.mark.apiserver]

OURS = "spark-integrations.dev"


@pytest.fixture(scope="module")
def world(apiserver: Any) -> Iterator[World]:
    made = World(apiserver)
    yield made
    made.close()


@pytest.fixture(scope="module")
def account(
    apiserver: Any, world: World, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Account]:
    made = Account(apiserver, tmp_path_factory.mktemp("account"), namespace=world.namespace)
    yield made
    made.close()


@pytest.mark.parametrize("shape", SHAPES)
def test_a_job_that_the_operator_makes_passes(account: Account, shape: str) -> None:
    assert account.refusal(account.namespace, job(account.namespace, **SHAPES[shape])) == ""


@pytest.mark.parametrize(
    ("shape", "changes", "says"), [c[1:] for c in CHANGES], ids=[c[0] for c in CHANGES]
)
def test_any_other_job_of_the_account_is_refused(
    account: Account, shape: dict[str, Any], changes: dict[str, Any], says: str
) -> None:
    refused = account.refusal(account.namespace, edited(job(account.namespace, **shape), changes))
    assert "ValidatingAdmissionPolicy" in refused, refused
    assert says in refused
    print(refused.partition("denied request: ")[2])


def test_the_same_jobs_of_others_are_none_of_its_business(world: World, account: Account) -> None:
    world.jobs.create_namespaced_job(
        world.namespace, {"metadata": {"name": "shop"}, "spec": HARMLESS}
    )
    refused = account.refusal(world.namespace, {"metadata": {"name": "shop-2"}, "spec": HARMLESS})
    assert OWNER in refused


def fetch_of(world: World, name: str) -> dict[str, Any]:
    """A Job as the operator would make it for an Integration that is there, so that it stays."""
    uid = world.make(name, suspend=True, fate={"outcome": "hang"})
    return edited(
        job(world.namespace, name=name),
        {
            "metadata/ownerReferences/0/uid": uid,
            f"metadata/labels/{OURS}~integration-uid": uid,
            f"spec/template/metadata/labels/{OURS}~integration-uid": uid,
        },
    )


NOT_OURS: dict[str, dict[str, Any]] = {
    "no label of the operator": {"metadata/labels/app.kubernetes.io~managed-by": "cleanup"},
    "no owner": {"metadata/ownerReferences": []},
    "an owner of another API": {"metadata/ownerReferences/0/apiVersion": "example.com/v1"},
    "an owner of another kind": {"metadata/ownerReferences/0/kind": "Scheduler"},
    "an owner that does not control": {"metadata/ownerReferences/0/controller": False},
}


@pytest.mark.parametrize("what", NOT_OURS)
def test_the_account_can_delete_nobody_elses_jobs(
    world: World, account: Account, what: str
) -> None:
    # The finalizer keeps it from a garbage collector that finds no such owner.
    kept = {"metadata/finalizers": ["example.com/kept"]}
    body = edited(fetch_of(world, what.replace(" ", "-").lower()), {**NOT_OURS[what], **kept})
    name = world.jobs.create_namespaced_job(world.namespace, body).metadata.name
    try:
        with pytest.raises(ApiException) as refused:
            account.jobs.delete_namespaced_job(
                name, world.namespace, propagation_policy="Foreground", dry_run="All"
            )
    finally:
        world.jobs.patch_namespaced_job(name, world.namespace, {"metadata": {"finalizers": []}})
    assert "must carry the operator's label and be controlled by an Integration" in str(
        refused.value.body
    )


def test_the_account_can_delete_fetches_and_their_pods_with_them(
    world: World, account: Account
) -> None:
    """A pod that is left behind would have no deadline any more."""
    name = account.jobs.create_namespaced_job(
        world.namespace, fetch_of(world, "deleted")
    ).metadata.name
    for policy in ({"propagation_policy": "Orphan"}, {}):
        with pytest.raises(ApiException) as refused:
            account.jobs.delete_namespaced_job(name, world.namespace, **policy)
        assert "must be deleted with its pods" in str(refused.value.body)
    for policy in ("Foreground", "Background"):
        account.jobs.delete_namespaced_job(
            name, world.namespace, propagation_policy=policy, dry_run="All"
        )
    account.jobs.delete_namespaced_job(name, world.namespace, propagation_policy="Foreground")


def test_only_the_images_that_the_administrator_lists_are_run_where_he_lists_any(
    apiserver: Any, world: World, tmp_path: Any
) -> None:
    listed = "registry.example.com/plugins/,own/plugin:2"
    other = World(apiserver)
    strict = Account(
        apiserver,
        tmp_path,
        namespace=other.namespace,
        options=(
            "--set",
            f"admissionPolicy.images={{{listed}}}",
            "--set",
            "image.runner.repository=runner",
            "--set-string",
            "image.runner.tag=1",
        ),
    )
    try:
        answers = {
            image: strict.refusal(
                other.namespace, job(other.namespace, plugin_spec={"image": image})
            )
            for image in (
                "runner:1",
                "own/plugin:2",
                "registry.example.com/plugins/a:1",
                "own/plugin:20",
                "own/plugin",
                "registry.example.com/plugins",
                "evil:1",
                "evil/registry.example.com/plugins/a:1",
            )
        }
    finally:
        strict.close()
        other.close()
    assert [image for image, refused in answers.items() if not refused] == [
        "runner:1",
        "own/plugin:2",
        "registry.example.com/plugins/a:1",
    ]
    assert "admissionPolicy.images" in answers["evil:1"]


def test_the_policy_fails_closed_for_this_account_alone_and_its_expressions_have_types(
    account: Account, apiserver: Any
) -> None:
    def ours() -> list[dict[str, Any]]:
        found = json.loads(apiserver.kubectl("get", "validatingadmissionpolicies", "-o", "json"))
        return [p for p in found["items"] if p["metadata"]["name"].startswith(account.name + "-")]

    def judged() -> bool:
        return all("typeChecking" in p.get("status", {}) for p in ours())

    until(judged, 20, "no controller looks at the policies")
    assert len(ours()) == 2
    for policy in ours():
        spec = policy["spec"]
        assert spec["failurePolicy"] == "Fail"
        (only,) = spec["matchConditions"]
        assert only["expression"] == f'request.userInfo.username == "{account.user}"'
        assert policy["status"]["typeChecking"] == {}, "the API server found a mistake of types"
