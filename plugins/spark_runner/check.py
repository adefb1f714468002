"""A connection check: one cheap call to the service, and whether the destination is ours; loads nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spark_runner import pipeline
from spark_runner.destinations import Destination
from spark_runner.stage import Stage


def run(
    plugin: Any,
    config: Any,
    credentials: Any,
    context: Any,
    *,
    owner: str,
    destination: Destination,
    temporary: Path,
    stage: Stage,
) -> str:
    """What was found, as a sentence; raises what a fetch would raise.

    The destination first: it costs the service nothing. To hold its lock is to have made its schema
    and the mark of its owner where they were not there, as the first fetch would.
    """
    with tempfile.TemporaryDirectory(
        prefix="check-", dir=temporary, ignore_cleanup_errors=True
    ) as folder:
        pipeline.set_up(Path(folder))
        stage.enter("checking the destination")
        with destination.locked(owner):
            pass
        stage.enter("checking the service")
        own: Callable[..., Any] | None = getattr(plugin, "check", None)
        found = (
            own(config, credentials, context)
            if own is not None
            else _first_record(plugin.fetch_data(config, credentials, context), plugin.name, stage)
        )
    said = f" {found}" if isinstance(found, str) and found else ""
    return f"The service answered, and the destination is reached and owned.{said}"


def _first_record(data: Any, service: str, stage: Stage) -> str:
    from spark_runner.records import prepare

    source = prepare(data, service, stage)
    resource = next(r for r in source.selected_resources.values() if not r.is_transformer)
    # Outside a pipeline there is no state: nothing is read of the cursors and nothing is changed.
    resource.add_limit(1)
    record = next(iter(resource), None)
    return f'Resource "{resource.name}" has {"no records" if record is None else "records"}.'
