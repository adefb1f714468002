"""What of a kubelet answers for logs: the API server asks it, over TLS, at the address of its node.

``python -m tests.cli.kubelet FOLDER`` serves ``FOLDER/<pod>.log``, to whoever follows until ``FOLDER/end`` is
there, and writes what it was asked into ``FOLDER/asked``. ``Kubelet`` runs it in the cluster's network.
"""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.operator.support import pod_of
from tests.support.waiting import until
from tests.support.world import GROUP, VERSION, World


class Kubelet:
    """A node of its own, on which pods are put that stand for those of a Job."""

    def __init__(self, world: World, cluster: Any) -> None:
        self._world, self._cluster = world, cluster
        self._name = f"logs-{uuid.uuid4().hex[:6]}"
        self._pods: list[str] = []

    @property
    def asked(self) -> list[str]:
        """The paths that the API server has asked for."""
        return (self._folder / "asked").read_text().splitlines()

    def __enter__(self) -> Kubelet:
        self._temporary = tempfile.TemporaryDirectory()
        self._folder = Path(self._temporary.name)
        certificate = (
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 "
            "-subj /CN=kubelet -keyout tls.key -out tls.crt"
        )
        subprocess.run(certificate.split(), cwd=self._folder, check=True, capture_output=True)
        command = [sys.executable, "-m", "tests.cli.kubelet", str(self._folder)]
        self._process = subprocess.Popen(self._cluster.command(command))
        until((self._folder / "port").exists, 20, "it does not listen")
        self._world.core.create_node(
            {"metadata": {"name": self._name}, "spec": {"unschedulable": True}}
        )
        port = int((self._folder / "port").read_text())
        status = {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
        }
        self._world.core.patch_node_status(self._name, {"status": status})
        return self

    def __exit__(self, *_: object) -> None:
        for pod in self._pods:
            self._world.core.delete_namespaced_pod(
                pod, self._world.namespace, grace_period_seconds=0
            )
        self._world.core.delete_node(self._name)
        self._process.kill()
        self._process.wait(10)
        self._temporary.cleanup()

    def adopt(self, integration: str, job: str) -> str:
        """A newer pod of the Job of an Integration, as after a drain, begun on this node; its name."""
        old = self._world.core.read_namespaced_pod(pod_of(self._world, job), self._world.namespace)
        name = f"{job}-{uuid.uuid4().hex[:5]}"
        body = {
            # By this label the pods of a Job are found. Another controller owns it, or the Job would adopt
            # it and delete it, as it has one pod already.
            "metadata": {
                "name": name,
                "labels": {
                    "batch.kubernetes.io/controller-uid": old.metadata.owner_references[0].uid
                },
                "ownerReferences": [
                    {
                        "apiVersion": f"{GROUP}/{VERSION}",
                        "kind": "Integration",
                        "name": integration,
                        "uid": self._world.get(integration)["metadata"]["uid"],
                        "controller": True,
                    }
                ],
            },
            "spec": {
                "nodeName": self._name,
                "terminationGracePeriodSeconds": 0,
                "containers": [{"name": "fetch", "image": "none:1"}],
            },
        }
        until(
            lambda: old.metadata.creation_timestamp.timestamp() + 1 < time.time(),
            5,
            "creation times have whole seconds, and it is to be the newer one",
        )
        self._world.core.create_namespaced_pod(self._world.namespace, body)
        state = {
            "name": "fetch",
            "image": "none:1",
            "imageID": "",
            "ready": True,
            "restartCount": 0,
            "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
        }
        status = {"status": {"phase": "Running", "containerStatuses": [state]}}
        self._world.core.patch_namespaced_pod_status(name, self._world.namespace, status)
        self._pods.append(name)
        return name

    def say(self, pod: str, *lines: str) -> None:
        """Write into the log of the pod."""
        with (self._folder / f"{pod}.log").open("a") as log:
            log.write("".join(lines))

    def release(self) -> None:
        """Whoever follows has heard all."""
        (self._folder / "end").touch()


class _Handler(BaseHTTPRequestHandler):
    folder: Path

    def do_GET(self) -> None:
        with (self.folder / "asked").open("a") as asked:
            asked.write(self.path + "\n")
        pod = self.path.split("/")[3]
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        with (self.folder / f"{pod}.log").open("rb") as log:
            while True:
                ended = (self.folder / "end").exists()
                self.wfile.write(log.read())
                self.wfile.flush()
                if ended or "follow=true" not in self.path:
                    return
                time.sleep(0.05)

    def log_message(self, *_: Any) -> None:
        pass


def main(folder: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    _Handler.folder = folder
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    (folder / "port.new").write_text(str(server.server_port))
    (folder / "port.new").rename(folder / "port")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    parent = os.getppid()
    # Killed tests tidy nothing up: it ends with whoever started it.
    while os.getppid() == parent:
        time.sleep(0.5)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
