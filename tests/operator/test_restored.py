"""An Integration that comes back from a backup of its spec, as the page on operating says."""

from __future__ import annotations

from typing import Any

import pytest
from tests.operator.support import NEVER_AGAIN, QUICK
from tests.support.waiting import until
from tests.support.world import GROUP, VERSION, World

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]


def restore(world: World, name: str, annotations: dict[str, str]) -> None:
    """Delete it, and make it anew without status and uid."""
    backup = world.get(name)
    uid = backup["metadata"]["uid"]
    world.delete("integration", name)
    selector = f"{GROUP}/integration-uid={uid}"

    def jobs() -> Any:
        return world.jobs.list_namespaced_job(world.namespace, label_selector=selector).items

    until(lambda: not jobs(), 20, "its Jobs stay")
    body = {
        **{key: backup[key] for key in ("apiVersion", "kind", "spec")},
        "metadata": {"name": name, "annotations": annotations},
    }
    world.objects.create_namespaced_custom_object(
        GROUP, VERSION, world.namespace, "integrations", body
    )


def test_without_the_annotations_of_old_requests_it_is_fetched_once_and_at_once(
    world: World,
) -> None:
    world.make("plain", fate=QUICK, **NEVER_AGAIN)
    world.wait_outcome("plain", 1)
    world.request("plain", "long-ago", mode="reset")
    world.wait_outcome("plain", 2)
    restore(world, "plain", {})
    run = world.wait_outcome("plain", 1)
    assert (run["number"], run["trigger"], run["mode"]) == (1, "Scheduled", "fetch")


def test_with_them_the_last_request_is_done_once_more(world: World) -> None:
    world.make("again", fate=QUICK, **NEVER_AGAIN)
    world.wait_outcome("again", 1)
    world.request("again", "long-ago", mode="reset")
    world.wait_outcome("again", 2)
    restore(world, "again", world.get("again")["metadata"]["annotations"])
    run = world.wait_outcome("again", 1)
    assert (run["number"], run["trigger"], run["mode"]) == (1, "Requested", "reset")
