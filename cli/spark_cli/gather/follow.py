"""Objects as they change: a list, then a watch, then a list again whenever the watch was cut.

Whoever follows gets whole sets. What was deleted while nobody watched is missing in the next set, and so
is seen, however the watch ended.
"""

import json
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import requests
import urllib3

from spark_cli.exits import Exit, Failure, NoAccess
from spark_cli.gather.cluster import ApiFailure, Cluster
from spark_cli.gather.kinds import Kind
from spark_operator.model import fields, nesting

# The server ends a watch by itself, so that one that was cut without a word is noticed.
_WATCH_SECONDS = 50
_READ_SECONDS = 60
_FIRST_PAUSE_SECONDS, _MAX_PAUSE_SECONDS = 0.5, 15.0
# One that ends sooner was cut, however politely, and may have kept back what it had to tell.
_LASTED_SECONDS = 45.0

Objects = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Change:
    """``objects`` by uid, None where nothing is known anew; ``trouble`` while the server is away."""

    objects: Objects | None = None
    trouble: str | None = None


@dataclass(frozen=True)
class _Ended:
    """``goes_on``: the next watch may begin where this one ended, which had its time. ``useful``: it had,
    or has told something."""

    goes_on: bool
    useful: bool


class Follower:
    """Follows one collection in a thread of its own, which ends with the process.

    ``rest`` waits between two attempts, for so many seconds.
    """

    def __init__(
        self,
        cluster: Cluster,
        kind: Kind,
        namespace: str | None,
        *,
        selector: str | None = None,
        field_selector: str | None = None,
        rest: Callable[[float], object] = time.sleep,
    ) -> None:
        self._rest = rest
        self._pause = _FIRST_PAUSE_SECONDS
        self._cluster, self._kind, self._namespace = cluster, kind, namespace
        self._selector, self._field_selector = selector, field_selector
        self._changes: queue.SimpleQueue[Change | Failure] = queue.SimpleQueue()
        self._objects: Objects = {}
        self._trouble: str | None = None
        self._version = ""
        self._thread = threading.Thread(target=self._run, name="follow", daemon=True)

    def changes(self, seconds: float) -> Iterator[Change]:
        """Endlessly: what is known now, at least each ``seconds`` (then with nothing new in it).

        Raises Failure where the server lets us read no more.
        """
        self._thread.start()
        while True:
            yield self._next(seconds)

    def _next(self, seconds: float) -> Change:
        objects, trouble = None, None
        try:
            change = self._changes.get(timeout=seconds)
            # Of a burst the last set is enough, and drawing each would fall behind.
            while isinstance(change, Change):
                objects = objects if change.objects is None else change.objects
                trouble = change.trouble
                change = self._changes.get_nowait()
        except queue.Empty:
            # Told of until the server has answered again, not only when the next attempt fails.
            self._trouble = trouble or (self._trouble if objects is None else None)
            return Change(objects, self._trouble)
        raise change

    def _run(self) -> None:
        while True:
            try:
                self._list()
                # A list that succeeds says nothing of watches: only one of these ends the back-off.
                while self._follow():
                    pass
            except ApiFailure as error:
                if error.exit is Exit.NO_ACCESS or error.not_found:
                    self._changes.put(error)
                    return
                self._changes.put(Change(trouble=error.message))
            except NoAccess as error:
                self._changes.put(Change(trouble=error.message))
            except Exception as error:  # noqa: BLE001
                # The thread must not die in silence: whoever waits would wait for ever.
                self._changes.put(Failure(f"following failed: {error!r}", exit=Exit.DEFECT))
                return
            self._back_off()

    def _follow(self) -> bool:
        """One watch; whether the next can begin without a list."""
        ended = self._watch()
        if ended.useful:
            self._pause = _FIRST_PAUSE_SECONDS
        return ended.goes_on

    def _back_off(self) -> None:
        self._rest(self._pause)
        self._pause = min(self._pause * 2, _MAX_PAUSE_SECONDS)

    def _list(self) -> None:
        objects: Objects = {}
        for page in self._cluster.pages(
            self._kind,
            self._namespace,
            selector=self._selector,
            field_selector=self._field_selector,
        ):
            self._version = fields.text(fields.mapping(page.get("metadata")).get("resourceVersion"))
            for item in fields.items(page.get("items")):
                objects[item["metadata"]["uid"]] = item
        self._objects = objects
        self._changes.put(Change(dict(objects)))

    def _watch(self) -> _Ended:
        """Until the server ends it."""
        params = {
            "watch": "true",
            "resourceVersion": self._version,
            "timeoutSeconds": str(_WATCH_SECONDS),
            "allowWatchBookmarks": "true",
        }
        if self._selector:
            params["labelSelector"] = self._selector
        if self._field_selector:
            params["fieldSelector"] = self._field_selector
        path = self._kind.path(self._namespace)
        response = self._cluster.send(
            "GET", path, params=params, stream=True, read_seconds=_READ_SECONDS
        )
        told, began = False, time.monotonic()
        goes_on = True
        try:
            for line in response.iter_lines(chunk_size=None):
                if line and not self._take(fields.mapping(json.loads(nesting.shallow(line)))):
                    goes_on = False
                    break
                told = told or bool(line)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError):
            goes_on = False
        finally:
            response.close()
        lasted = time.monotonic() - began >= _LASTED_SECONDS
        return _Ended(goes_on and lasted, told or lasted)

    def _take(self, event: Mapping[str, Any]) -> bool:
        """One event; False where the watch is of no use any more (410 Gone, above all)."""
        kind, item = event.get("type"), fields.mapping(event.get("object"))
        metadata = fields.mapping(item.get("metadata"))
        if kind not in ("ADDED", "MODIFIED", "DELETED", "BOOKMARK"):
            return False
        self._version = fields.text(metadata.get("resourceVersion"), self._version)
        if kind == "BOOKMARK":
            return True
        uid = fields.text(metadata.get("uid"))
        if kind == "DELETED":
            self._objects.pop(uid, None)
        else:
            self._objects[uid] = dict(item)
        self._changes.put(Change(dict(self._objects)))
        return True
