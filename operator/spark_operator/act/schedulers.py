"""The heartbeat in the Scheduler's status: one write a tick, by the leader."""

from collections.abc import Mapping
from typing import Any

from spark_operator.act import paths
from spark_operator.act.api import MERGE_PATCH, Api
from spark_operator.model.scheduler import Scheduler


async def write_status(api: Api, scheduler: Scheduler, status: Mapping[str, Any]) -> None:
    """No compare-and-set: the newest heartbeat wins, and nothing is decided from it."""
    path = paths.scheduler(scheduler.namespace, scheduler.name) + "/status"
    await api.write("PATCH", path, {"status": status}, content_type=MERGE_PATCH)
