"""The kubeless cluster: one cluster a name, and no trace of it afterwards."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest
from dev.cluster import Cluster
from dev.errors import RefusalError
from dev.waiting import until
from tests.dev import outside
from tests.dev.outside import launcher

from dev import paths, postgres

pytestmark = [pytest.mark.apiserver, pytest.mark.slow]

Clusters = Callable[..., Cluster]


def test_up_twice_is_one_cluster_and_other_options_are_another(clusters: Clusters) -> None:
    cluster = clusters()
    assert cluster.up() is True
    first = cluster.pid
    assert cluster.up() is False
    assert cluster.pid == first
    assert clusters(audit=True).up() is True
    assert cluster.pid != first
    assert cluster.layout.log("audit").stat().st_size > 0


def test_an_unhealthy_cluster_is_replaced(clusters: Clusters) -> None:
    cluster = clusters()
    cluster.up()
    first = cluster.pid
    cluster.kill("scheduler")
    assert cluster.trouble() == "not running in it: scheduler"
    assert cluster.up() is True
    assert cluster.pid != first
    assert cluster.trouble() is None


def test_nothing_is_left_behind_after_down(clusters: Clusters) -> None:
    before = outside.machine()
    cluster = clusters()
    cluster.up()
    namespace = outside.process_namespace(cluster)
    assert outside.machine() == before, "a cluster that is up is not seen from outside"
    assert outside.processes(namespace)
    assert cluster.down() is True
    assert outside.processes(namespace) == []
    assert outside.traces(cluster) == []
    assert outside.machine() == before
    assert cluster.down() is False


@pytest.mark.parametrize("victim", ["process 1", "launcher"])
def test_nothing_is_left_behind_after_a_kill(clusters: Clusters, victim: str) -> None:
    before = outside.machine()
    cluster = clusters()
    cluster.up()
    namespace = outside.process_namespace(cluster)
    pid = cluster.pid if victim == "process 1" else launcher(cluster)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(lambda: not outside.processes(namespace), 15, "all processes to end")
    assert cluster.trouble() == "not running"
    with pytest.raises(RefusalError, match="make cluster"):
        cluster.api()
    cluster.down()
    assert outside.traces(cluster) == []
    assert outside.machine() == before


def test_a_start_that_is_killed_half_way_is_found_and_removed(clusters: Clusters) -> None:
    cluster = clusters()
    command = [sys.executable, str(paths.ROOT / "dev" / "spark-dev"), "up", "--kubeless", "--tmpfs"]
    with subprocess.Popen(command, env={**os.environ, "SPARK_CLUSTER": cluster.name}) as starting:
        until(lambda: cluster.pid is not None, 60, "process 1 to exist")
        namespace = outside.process_namespace(cluster)
        starting.kill()
    assert not cluster.layout.ready.exists()
    assert cluster.down() is True
    assert outside.processes(namespace) == []
    assert outside.traces(cluster) == []


def test_a_cluster_that_dies_with_its_caller_does_and_leaves_nothing(clusters: Clusters) -> None:
    cluster = clusters()
    up = (
        "import sys; from dev.cluster import Cluster\n"
        "Cluster(sys.argv[1], kubeless=True, tmpfs=True, dies_with_caller=True).up()\n"
        "print('up', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", up, cluster.name]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=paths.ROOT
    ) as caller:
        assert caller.stdout is not None
        assert caller.stdout.readline() == b"up\n"
        namespace = outside.process_namespace(cluster)
        assert outside.processes(namespace)
        caller.kill()
        until(lambda: not outside.processes(namespace), 15, "all processes to end")
    assert outside.traces(cluster) == []


def test_two_clusters_run_side_by_side(clusters: Clusters) -> None:
    one, two = clusters("one"), clusters("two")
    one.up()
    two.up()
    assert one.port != two.port
    one.kubectl("create", "namespace", "only-in-one")
    assert "only-in-one" in one.kubectl("get", "namespaces", "-o", "name")
    assert "only-in-one" not in two.kubectl("get", "namespaces", "-o", "name")
    one.down()
    assert two.trouble() is None


def test_the_same_kubeconfig_is_right_outside_and_inside(clusters: Clusters) -> None:
    cluster = clusters()
    cluster.up()
    assert cluster.kubectl("get", "--raw", "/readyz") == "ok"
    kubectl = str(cluster.toolchain.path("kubectl"))
    assert cluster.exec([kubectl, "get", "--raw", "/readyz"]).stdout == "ok"
    assert "10.200.0.2" in cluster.exec(["ip", "address"]).stdout


def test_a_component_is_killed_paused_and_started_again(clusters: Clusters) -> None:
    cluster = clusters()
    cluster.up()
    cluster.kubectl("create", "namespace", "survivor")
    for name in ("apiserver", "etcd"):
        cluster.kill(name)
        assert not cluster.running(name)
        until(lambda: not cluster.api().serves(), 10, "the API server to fail")
        cluster.start(name)
        assert cluster.kubectl("get", "namespace", "survivor", "-o", "name")
    cluster.pause("apiserver")
    with pytest.raises(RefusalError):
        cluster.kubectl("get", "namespaces", "--request-timeout=1s")
    cluster.resume("apiserver")
    until(cluster.api().healthy, 30, "the API server to go on")
    with pytest.raises(RefusalError, match="no component nonsense; there are: apiserver"):
        cluster.kill("nonsense")


def test_a_taken_port_is_refused(clusters: Clusters) -> None:
    first = clusters("first")
    first.up()
    with pytest.raises(RefusalError, match="SPARK_CLUSTER_PORT"):
        clusters("second", port=first.port).up()


def job(name: str, integration: dict[str, str] | None = None, **settings: str) -> dict[str, object]:
    annotations = {f"dev.spark/{key.replace('_', '-')}": text for key, text in settings.items()}
    container: dict[str, object] = {"name": "fetch", "image": "none"}
    if integration is not None:
        document = json.dumps({"config": integration})
        container["env"] = [{"name": "SPARK_INTEGRATION", "value": document}]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {
            "backoffLimit": 0,
            "template": {
                "metadata": {"annotations": annotations},
                "spec": {"restartPolicy": "Never", "containers": [container]},
            },
        },
    }


def test_a_pod_on_a_fake_node_ends_as_it_is_told_to(clusters: Clusters) -> None:
    cluster = clusters()
    cluster.up()
    message = json.dumps({"message": 'slow "down"', "retryAfterSeconds": 60})
    config = {"dev.spark/outcome": "fail", "dev.spark/exit-code": "10", "dev.spark/message": "no"}
    jobs = [
        job("ok", delay="100ms", message='{"rows": 3}'),
        job("limited", outcome="fail", exit_code="11", message=message, delay="100ms"),
        job("configured", config, delay="100ms"),
        job("waiting", outcome="pending", reason="ErrImagePull"),
        job("hanging", outcome="hang", delay="100ms"),
    ]
    for each in jobs:
        cluster.api().text("/apis/batch/v1/namespaces/default/jobs", "POST", each)

    def seen() -> dict[str, tuple[str, object]]:
        pods = cluster.api().get("/api/v1/namespaces/default/pods")["items"]
        found = {}
        for pod in pods:
            [container] = pod["status"].get("containerStatuses", [{"state": {}}])
            [state] = container["state"].values() or [{}]
            ended = state.get("exitCode"), state.get("message"), state.get("reason")
            found[pod["metadata"]["labels"]["job-name"]] = (pod["status"]["phase"], ended)
        return found

    expected = {
        "ok": ("Succeeded", (0, '{"rows": 3}', "Completed")),
        "limited": ("Failed", (11, message, "Error")),
        "configured": ("Failed", (10, "no", "Error")),
        "waiting": ("Pending", (None, None, "ErrImagePull")),
        "hanging": ("Running", (None, None, None)),
    }
    until(lambda: seen() == expected, 30, "the pods to get where they should")


def test_postgres_serves_and_goes_with_its_data(clusters: Clusters) -> None:
    cluster = clusters()
    cluster.up()
    database = postgres.up(cluster, "demo", "it's quoted")
    assert database.keys()["host"] == "postgres.demo.svc"
    assert postgres.query(cluster, "SELECT current_user, 1") == [["warehouse", "1"]]
    assert postgres.up(cluster, "demo").password == "it's quoted"
    postgres.query(cluster, "CREATE TABLE kept (x int)")
    cluster.kill("postgres")
    cluster.start("postgres")
    until(lambda: answers(cluster), 30, "PostgreSQL to recover")
    assert postgres.query(cluster, "SELECT count(*) FROM kept") == [["0"]]
    postgres.down(cluster)
    assert "postgres" not in cluster.kubectl("get", "services", "-A", "-o", "name")
    assert cluster.trouble() is None
    postgres.up(cluster, "demo")
    with pytest.raises(RefusalError, match="kept"):
        postgres.query(cluster, "SELECT count(*) FROM kept")


def answers(cluster: Cluster) -> bool:
    try:
        return bool(postgres.query(cluster, "SELECT 1"))
    except RefusalError:
        return False
