"""The plan of a tick goes on whatever one object is."""

from __future__ import annotations

from typing import Any

import pytest

from spark_operator.serve.admission import Admission
from spark_operator.serve.cache import Cache
from spark_operator.serve.planner import Planner
from spark_operator.serve.wakes import Wakes
from spark_operator.serve.workqueue import WorkQueue


@pytest.mark.parametrize("at", [0, 1, 2])
def test_an_object_that_cannot_be_decided_upon_holds_up_no_other(at: int) -> None:
    asked: list[str] = []

    class Evaluator:
        def look(self, uid: str) -> None:
            asked.append(uid)
            if uid == uids[at]:
                raise AttributeError("a defect")

    queue, cache = WorkQueue(), Cache(("n", "s"))
    uids = ["a", "b", "c"]
    evaluator: Any = Evaluator()
    clock: Any = None
    planner = Planner(
        cache=cache,
        clock=clock,
        admission=Admission(cache, queue.add),
        evaluator=evaluator,
        queue=queue,
        wakes=Wakes(lambda _: None),
    )
    planner.plan(uids)
    assert asked == uids
    assert len(queue) == 1, "a worker meets the defect again, and reports it"
