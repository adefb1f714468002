"""The API server's own record of what happened, taken by watches that the operator cannot influence."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kubernetes import client, config, watch

GROUP, VERSION = "spark-integrations.dev", "v1"


@dataclass
class History:
    """``jobs``: every Job by (owner uid, run number), with the uids of all Jobs that ever bore them.
    ``statuses``: every distinct status of an Integration, in order, with when it was seen."""

    jobs: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    unfinished: dict[str, dict[str, bool]] = field(default_factory=lambda: defaultdict(dict))
    overlaps: list[tuple[str, frozenset[str]]] = field(default_factory=list)
    statuses: dict[str, list[tuple[float, dict[str, Any]]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    created_after_outcome: list[str] = field(default_factory=list)


class Recorder:
    """Watches Jobs and Integrations of one namespace until ``stop``."""

    def __init__(self, kubeconfig: str | Path, namespace: str) -> None:
        self._api = config.new_client_from_config(str(kubeconfig))
        self._namespace = namespace
        self._watches = (watch.Watch(), watch.Watch())
        self._lock = threading.Lock()
        self._stopping = False
        self.history = History()

    def start(self) -> Recorder:
        jobs, integrations = client.BatchV1Api(self._api), client.CustomObjectsApi(self._api)
        self._threads = [
            threading.Thread(
                target=self._follow,
                args=(0, jobs.list_namespaced_job, (self._namespace,), self._job),
                daemon=True,
            ),
            threading.Thread(
                target=self._follow,
                args=(
                    1,
                    integrations.list_namespaced_custom_object,
                    (GROUP, VERSION, self._namespace, "integrations"),
                    self._integration,
                ),
                daemon=True,
            ),
        ]
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        self._stopping = True
        for each in self._watches:
            each.stop()
        self._api.close()

    def _follow(self, which: int, lists: Any, arguments: Any, take: Any) -> None:
        version = None
        while not self._stopping:
            try:
                stream = self._watches[which].stream(
                    lists, *arguments, resource_version=version, timeout_seconds=60
                )
                for event in stream:
                    body = event["raw_object"]
                    version = body["metadata"].get("resourceVersion", version)
                    with self._lock:
                        take(event["type"], body)
            except Exception:  # noqa: BLE001
                # The server may be away: that is one of the faults. What was missed meanwhile is in
                # the list with which the next watch begins.
                if self._stopping:
                    return
                version = None
                time.sleep(0.1)

    def _job(self, kind: str, body: dict[str, Any]) -> None:
        metadata = body["metadata"]
        owner = next(
            (o["uid"] for o in metadata.get("ownerReferences", ()) if o.get("controller")), ""
        )
        run = metadata.get("labels", {}).get(f"{GROUP}/run", "")
        self.history.jobs[owner, run].add(metadata["uid"])
        conditions = (body.get("status") or {}).get("conditions") or ()
        finished = any(
            c["type"] in ("Complete", "Failed") and c["status"] == "True" for c in conditions
        )
        running = self.history.unfinished[owner]
        if finished or kind == "DELETED" or metadata.get("deletionTimestamp"):
            running.pop(metadata["uid"], None)
        else:
            running[metadata["uid"]] = True
            if len(running) > 1:
                self.history.overlaps.append((owner, frozenset(running)))
        if kind == "ADDED" and self._recorded(owner, run):
            self.history.created_after_outcome.append(metadata["name"])

    def _recorded(self, owner: str, run: str) -> bool:
        return any(
            str(s["run"]["number"]) == run and s["run"]["outcome"] != "Running"
            for _, s in self.history.statuses[owner]
            if s.get("run")
        )

    def _integration(self, kind: str, body: dict[str, Any]) -> None:
        seen = self.history.statuses[body["metadata"]["uid"]]
        status = body.get("status") or {}
        if kind != "DELETED" and (not seen or seen[-1][1] != status):
            seen.append((time.monotonic(), status))

    # --- what the test asks

    def runs(self, uid: str) -> list[int]:
        """Run numbers for which a Job was ever made."""
        with self._lock:
            return sorted(int(run) for owner, run in self.history.jobs if owner == uid and run)

    def doubles(self) -> list[tuple[str, str]]:
        """(owner, run) that more than one Job was made for: must be empty (I1)."""
        with self._lock:
            return [key for key, uids in self.history.jobs.items() if len(uids) > 1]

    def overlaps(self) -> list[tuple[str, frozenset[str]]]:
        """Integrations with two unfinished Jobs at one time: must be empty (I2)."""
        with self._lock:
            return list(self.history.overlaps)

    def outcomes(self, uid: str) -> dict[int, str]:
        """The recorded outcome of each run."""
        with self._lock:
            return {
                status["run"]["number"]: status["run"]["outcome"]
                for _, status in self.history.statuses[uid]
                if status.get("run")
            }
