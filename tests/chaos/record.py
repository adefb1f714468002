"""The API server's own record: every version of the objects concerned, by watches of our own.

The operator cannot influence it, and the order is the server's: all resources share one etcd, whose
revisions number every write.
"""

from __future__ import annotations

import base64
import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import requests
import yaml

GROUP = "spark-integrations.dev"


@dataclass(frozen=True)
class Observation:
    """One version of one object. ``seen_at``: seconds since 1970 on the clock of this process.

    ``deleted``: the object as it was last, at the revision of its deletion.
    """

    revision: int
    seen_at: float
    kind: str
    deleted: bool
    body: dict[str, Any]

    @property
    def uid(self) -> str:
        uid: str = self.body["metadata"]["uid"]
        return uid

    @property
    def name(self) -> str:
        name: str = self.body["metadata"]["name"]
        return name


class Recorder:
    """Follows Integrations and Jobs of one namespace, Plugins and Schedulers, until ``stop``.

    The Scheduler is in the same namespace, unless another is named.
    """

    def __init__(
        self,
        kubeconfig: str | Path,
        namespace: str,
        folder: Path,
        *,
        scheduler_namespace: str | None = None,
    ) -> None:
        config = yaml.safe_load(Path(kubeconfig).read_text(encoding="utf-8"))
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        authority = folder / "recorder-ca.crt"
        authority.write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
        self._server = cluster["server"]
        self._headers = {"Authorization": f"Bearer {user['token']}"}
        self._authority = str(authority)
        ours = f"/apis/{GROUP}/v1"
        self._paths = {
            "Integration": f"{ours}/namespaces/{namespace}/integrations",
            "Scheduler": f"{ours}/namespaces/{scheduler_namespace or namespace}/schedulers",
            "Plugin": f"{ours}/plugins",
            "Job": f"/apis/batch/v1/namespaces/{namespace}/jobs",
        }
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._observed: list[Observation] = []
        self._known: dict[str, dict[str, dict[str, Any]]] = {kind: {} for kind in self._paths}
        self._threads: list[threading.Thread] = []
        self._listed = {kind: threading.Event() for kind in self._paths}
        self.interruptions = 0

    def start(self) -> Recorder:
        for kind in self._paths:
            thread = threading.Thread(target=self._follow, args=(kind,), daemon=True)
            self._threads.append(thread)
            thread.start()
        if not all(listed.wait(30) for listed in self._listed.values()):
            raise RuntimeError("the recorder cannot list what it should watch")
        return self

    def stop(self) -> None:
        self._stopping.set()

    def observations(self) -> list[Observation]:
        """All of them, in the order of the server's writes."""
        with self._lock:
            return sorted(self._observed, key=lambda o: o.revision)

    def write(self, path: Path) -> None:
        """One observation a line, for whoever wants to know what led to a violation."""
        with path.open("w", encoding="utf-8") as file:
            for seen in self.observations():
                file.write(json.dumps(asdict(seen)) + "\n")

    def latest(self, kind: str) -> list[dict[str, Any]]:
        """The objects of a kind as they were last seen."""
        with self._lock:
            return list(self._known[kind].values())

    def _follow(self, kind: str) -> None:
        session = requests.Session()
        session.headers.update(self._headers)
        session.verify = self._authority
        # The environment's certificates and proxies are for other servers.
        session.trust_env = False
        version: str | None = None
        while not self._stopping.is_set():
            # The server may be away, or have forgotten the version: the faults do that. What was
            # missed meanwhile is found by a list and a comparison.
            with contextlib.suppress(requests.RequestException, _Expired, ValueError):
                if version is None:
                    version = self._list(session, kind)
                for event in self._watch(session, kind, version):
                    version = event["object"]["metadata"]["resourceVersion"]
                    if event["type"] != "BOOKMARK":
                        self._take(kind, event["type"] == "DELETED", event["object"])
                continue
            version = None
            self.interruptions += 1
            self._stopping.wait(0.1)

    def _list(self, session: requests.Session, kind: str) -> str:
        answer = session.get(self._server + self._paths[kind], timeout=30)
        answer.raise_for_status()
        listed = answer.json()
        found = {item["metadata"]["uid"]: item for item in listed["items"]}
        version: str = listed["metadata"]["resourceVersion"]
        with self._lock:
            gone = [body for uid, body in self._known[kind].items() if uid not in found]
        for body in gone:
            metadata = {**body["metadata"], "resourceVersion": version}
            self._take(kind, True, {**body, "metadata": metadata})
        for body in found.values():
            self._take(kind, False, body)
        self._listed[kind].set()
        return version

    def _watch(
        self, session: requests.Session, kind: str, version: str
    ) -> Iterator[dict[str, Any]]:
        answer = session.get(
            self._server + self._paths[kind],
            params={
                "watch": "true",
                "allowWatchBookmarks": "true",
                "resourceVersion": version,
                "timeoutSeconds": "240",
            },
            stream=True,
            # Without a word for so long, not even a bookmark, the connection is dead.
            timeout=(5, 90),
        )
        with answer:
            answer.raise_for_status()
            for line in answer.iter_lines(chunk_size=None):
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise _Expired
                yield event

    def _take(self, kind: str, deleted: bool, body: dict[str, Any]) -> None:
        revision = int(body["metadata"]["resourceVersion"])
        uid = body["metadata"]["uid"]
        with self._lock:
            known = self._known[kind].get(uid)
            if known is not None and int(known["metadata"]["resourceVersion"]) >= revision:
                return
            if deleted:
                self._known[kind].pop(uid, None)
            else:
                self._known[kind][uid] = body
            self._observed.append(Observation(revision, time.time(), kind, deleted, body))


class _Expired(Exception):
    """The server has forgotten the version that the watch began with."""
