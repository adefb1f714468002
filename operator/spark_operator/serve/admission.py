"""Places for fetches: who waits, who has a place reserved until its claim is written."""

from collections.abc import Callable, Mapping

from spark_operator.decide import capacity
from spark_operator.decide.capacity import Candidate, Limits
from spark_operator.serve.cache import Cache


class Admission:
    """Reservations are taken without an await in between, so two workers cannot take one place.

    Jobs never count: whoever may label a Job could otherwise starve everybody else.
    """

    def __init__(self, cache: Cache, admitted: Callable[[str], None]) -> None:
        self._cache = cache
        self._admitted = admitted
        self._waiting: dict[str, Candidate] = {}
        self._reserved: dict[str, str] = {}
        self._last_namespace = ""

    @property
    def waiting(self) -> Mapping[str, Candidate]:
        return self._waiting

    def reserved(self, uid: str) -> bool:
        return uid in self._reserved

    def wait(self, candidate: Candidate) -> None:
        if candidate.uid not in self._reserved:
            self._waiting[candidate.uid] = candidate

    def forget(self, uid: str) -> None:
        """It is not due any more, or it is gone."""
        self._waiting.pop(uid, None)
        self._reserved.pop(uid, None)

    def admit(self) -> None:
        """Give the free places out, fairly; each admitted Integration is evaluated next."""
        scheduler = self._cache.scheduler
        if scheduler is None or not self._waiting:
            return
        flying = {**self._cache.running, **self._reserved}
        if len(flying) >= scheduler.max_concurrent_fetches:
            return
        by_service = {n: p.max_concurrent_fetches for n, p in self._cache.plugins.items()}
        for candidate in capacity.admit(
            self._waiting.values(),
            in_flight=flying.values(),
            limits=Limits(scheduler.max_concurrent_fetches, by_service),
            after=self._last_namespace,
        ):
            del self._waiting[candidate.uid]
            self._reserved[candidate.uid] = candidate.service
            self._last_namespace = candidate.namespace
            self._admitted(candidate.uid)

    def clear(self) -> None:
        self._waiting.clear()
        self._reserved.clear()
