"""Which services the heartbeat counts by themselves: it must never be refused for their number."""

from __future__ import annotations

from tests.support import crds

from spark_operator.serve.reported import reported


def test_it_names_no_more_services_than_the_crd_has_room_for() -> None:
    services = [f"service-{number:04}" for number in range(3000)]
    schema = crds.schema("Scheduler")["status"]["properties"]["byService"]
    assert reported(services, set(services)) == services[: schema["maxProperties"]]


def test_it_names_only_services_that_have_a_plugin() -> None:
    assert reported(["rset", "rss", "rest"], {"rest", "rss", "spotify"}) == ["rest", "rss"]
