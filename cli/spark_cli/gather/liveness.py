"""Whether an operator is at work, looked at again and again while somebody waits for what it does."""

import threading
from datetime import datetime

from spark_cli.decide import state
from spark_cli.exits import Failure
from spark_cli.gather import facts
from spark_cli.gather.cluster import Cluster
from spark_operator.model import scheduler as schedulers
from spark_operator.model.scheduler import Scheduler

# The operator writes every 30 s that it has checked.
_LOOK_SECONDS = 20.0


class Liveness:
    """Looks in a thread of its own, which ends with the process: who waits is not held up by it."""

    def __init__(self, cluster: Cluster, wanted: tuple[str, str] | None) -> None:
        self._cluster, self._wanted = cluster, wanted
        self._seen: tuple[Scheduler | None, datetime | None] | None = None
        threading.Thread(target=self._run, name="liveness", daemon=True).start()

    def silence(self, now: datetime) -> str:
        """A sentence where no operator is at work; nothing where one is, or nothing is known."""
        seen = self._seen
        return "" if seen is None else state.silence(*seen, now)

    def _run(self) -> None:
        while True:
            try:
                body, note = facts.scheduler_body(self._cluster, self._wanted)
            except Failure:
                # What was seen last still holds; that the server is away is told by whoever follows.
                pass
            else:
                scheduler = schedulers.parse(body) if body is not None else None
                self._seen = None if note else (scheduler, facts.checked_at(body))
            threading.Event().wait(_LOOK_SECONDS)
