"""Looking at many Integrations at once: the places are given out only after all were asked."""

from collections.abc import Iterable

from spark_operator.decide import decision as decisions
from spark_operator.model import status as status_model
from spark_operator.serve.admission import Admission
from spark_operator.serve.cache import Cache
from spark_operator.serve.clock import Clock
from spark_operator.serve.evaluate import Evaluator
from spark_operator.serve.wakes import Wakes
from spark_operator.serve.workqueue import WorkQueue


class Planner:
    """Decides from the cache, and hands those that need a request to the workers."""

    def __init__(
        self,
        *,
        cache: Cache,
        clock: Clock,
        admission: Admission,
        evaluator: Evaluator,
        queue: WorkQueue,
        wakes: Wakes,
    ) -> None:
        self._cache = cache
        self._clock = clock
        self._admission = admission
        self._evaluator = evaluator
        self._queue = queue
        self._wakes = wakes

    def plan(self, uids: Iterable[str]) -> None:
        """Ask each; queue what must act; then admit among all that are due, in fair order."""
        self.look(uids)
        self._admission.admit()

    def look(self, uids: Iterable[str]) -> None:
        """Ask each, and queue what must act; the places are given out by the caller."""
        for uid in uids:
            self._look(uid)

    def _look(self, uid: str) -> None:
        try:
            decision = self._evaluator.look(uid)
        except Exception:  # noqa: BLE001
            # One object that trips a defect of ours must not hold up the others that are planned
            # with it. A worker meets the same, and reports it.
            self._queue.add(uid)
            return
        entry = self._cache.integrations.get(uid)
        if decision is None or entry is None:
            return
        entry.looked_at = self._clock.monotonic()
        if isinstance(decision, decisions.AskCapacity):
            if entry.waiting_since is None:
                entry.waiting_since = self._clock.now()
            self._admission.wait(decision.candidate)
            rests = decision.otherwise
        elif isinstance(decision, decisions.Wait):
            rests = decision
        else:
            self._queue.add(uid)
            return
        if status_model.dump(rests.status) != status_model.dump(entry.integration.status):
            self._queue.add(uid)
            return
        entry.next_look = rests.until
        if rests.until is not None:
            self._wakes.set(uid, (rests.until - self._clock.now()).total_seconds())
