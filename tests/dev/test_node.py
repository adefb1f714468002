"""The real node: pods run, and their processes, mounts and cgroups end with the cluster."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable

import pytest
from dev.cluster import Cluster, cgroups
from dev.cluster import layout as at
from dev.errors import RefusalError
from dev.waiting import until
from tests.dev import outside
from tests.dev.outside import launcher

pytestmark = pytest.mark.node


def run(cluster: Cluster, name: str) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "containers": [{"name": "still", "image": at.PAUSE_IMAGE}],
            "securityContext": {"runAsNonRoot": True, "runAsUser": 65532},
        },
    }
    cluster.kubectl("apply", "-f", "-", input=json.dumps(pod))
    cluster.kubectl("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=60s")


def test_the_pods_gateway_keeps_its_hardware_address_when_pods_come_and_go(
    clusters: Callable[..., Cluster],
) -> None:
    cluster = clusters(kubeless=False)
    cluster.up()

    def gateway() -> str:
        said = cluster.exec(["ip", "-json", "link", "show", "cni0"], everything=True).stdout
        address: str = json.loads(said)[0]["address"]
        return address

    before = gateway()
    run(cluster, "first")
    assert gateway() == before
    cluster.kubectl("delete", "pod", "first", "--now")
    assert gateway() == before
    cluster.down()


@pytest.mark.parametrize("victim", ["nobody", "process 1", "launcher"])
def test_pods_run_and_leave_nothing_behind(clusters: Callable[..., Cluster], victim: str) -> None:
    before = outside.machine()
    cluster = clusters(kubeless=False)
    cluster.up()
    namespace = outside.process_namespace(cluster)
    run(cluster, "still")
    groups = [hierarchy / cluster.layout.cgroup for hierarchy in cgroups.hierarchies()]
    assert all(group.is_dir() for group in groups)
    assert outside.machine() == before
    with pytest.raises(RefusalError, match="is not a file"):
        cluster.load_image(cluster.layout.folder / "nothing.tar")
    assert cluster.load_image(cluster.layout.folder / "pause.tar") is True
    assert cluster.load_image(cluster.layout.folder / "pause.tar") is False
    pids = {"process 1": cluster.pid, "launcher": launcher(cluster)}
    if pid := pids.get(victim):
        os.kill(pid, signal.SIGKILL)
        until(lambda: not outside.processes(namespace), 15, "all processes to end")
    cluster.down()
    assert outside.processes(namespace) == []
    assert outside.traces(cluster) == []
    until(lambda: outside.machine() == before, 5, "the machine to be as before")
