"""What of a kubelet answers for logs: the API server asks it, over TLS, at the address of its node."""

from __future__ import annotations

import ssl
import subprocess
import tempfile
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.operator.support import pod_of
from tests.support.world import World


class Kubelet:
    """A node of its own, on which pods are put that stand for those of a Job."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._name = f"logs-{uuid.uuid4().hex[:6]}"
        self._logs: dict[str, list[str]] = {}
        self._news = threading.Condition()
        self._held = False
        self._pods: list[str] = []
        self.asked: list[str] = []

    def __enter__(self) -> Kubelet:
        self._folder = tempfile.TemporaryDirectory()
        certificate, key = (Path(self._folder.name) / n for n in ("tls.crt", "tls.key"))
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
            + ["-nodes", "-subj", "/CN=kubelet", "-days", "1", "-keyout", key, "-out", certificate],
            check=True,
            capture_output=True,
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                outer._answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        body = {"metadata": {"name": self._name}, "spec": {"unschedulable": True}}
        self._world.core.create_node(body)
        status = {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": self._server.server_port}},
        }
        self._world.core.patch_node_status(self._name, {"status": status})
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
        for pod in self._pods:
            self._world.core.delete_namespaced_pod(
                pod, self._world.namespace, grace_period_seconds=0
            )
        self._world.core.delete_node(self._name)
        self._server.shutdown()
        self._server.server_close()
        self._folder.cleanup()

    def adopt(self, job: str) -> str:
        """A newer pod of the Job, as after a drain, which has begun on this node; its name."""
        old = self._world.core.read_namespaced_pod(pod_of(self._world, job), self._world.namespace)
        owner = old.metadata.owner_references[0].uid
        name = f"{job}-{uuid.uuid4().hex[:5]}"
        body = {
            # With the label by which pods of a Job are found, but not its controller's: it is not counted.
            "metadata": {
                "name": name,
                "labels": {"batch.kubernetes.io/controller-uid": owner},
            },
            "spec": {
                "nodeName": self._name,
                "terminationGracePeriodSeconds": 0,
                "containers": [{"name": "fetch", "image": "none:1"}],
            },
        }
        self._world.core.create_namespaced_pod(self._world.namespace, body)
        running = {"startedAt": "2026-01-01T00:00:00Z"}
        state = {
            "name": "fetch",
            "image": "none:1",
            "imageID": "",
            "ready": True,
            "restartCount": 0,
            "state": {"running": running},
        }
        self._world.core.patch_namespaced_pod_status(
            name,
            self._world.namespace,
            {"status": {"phase": "Running", "containerStatuses": [state]}},
        )
        self._pods.append(name)
        return name

    def say(self, pod: str, *lines: str) -> None:
        with self._news:
            self._logs.setdefault(pod, []).extend(lines)
            self._news.notify_all()

    def hold(self) -> None:
        """Whoever follows waits for more, until ``release``."""
        self._held = True

    def release(self) -> None:
        with self._news:
            self._held = False
            self._news.notify_all()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        pod = request.path.split("/")[3]
        request.send_response(200)
        request.send_header("Connection", "close")
        request.end_headers()
        told = 0
        while True:
            with self._news:
                lines = self._logs.get(pod, [])[told:]
                if not lines and not (self._held and "follow=true" in request.path):
                    return
                if not lines:
                    self._news.wait(1)
                    continue
            request.wfile.write("".join(lines).encode())
            request.wfile.flush()
            told += len(lines)
