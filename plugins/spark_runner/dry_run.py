"""A dry run: what a fetch would load, on standard output, and nothing anywhere else."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from spark_plugins.contract import Context
from spark_runner import pipeline
from spark_runner.stage import Stage


def run(
    plugin: Any,
    config: Any,
    credentials: Any,
    context: Context,
    *,
    temporary: Path,
    stage: Stage,
    limit: int,
) -> int:
    """Print at most `limit` records of each resource as JSON lines; how many were printed.

    From the beginning of each: the cursors are in the destination, which is not asked.
    """
    from spark_runner.records import prepare

    printed = 0
    with tempfile.TemporaryDirectory(
        prefix="dry-", dir=temporary, ignore_cleanup_errors=True
    ) as folder:
        pipeline.set_up(Path(folder))
        stage.enter("fetching")
        source = prepare(plugin.fetch_data(config, credentials, context), plugin.name, stage)
        for resource in source.selected_resources.values():
            shown = 0
            for record in resource:
                line = {"resource": resource.name, "record": record}
                print(json.dumps(line, ensure_ascii=False, default=str))
                shown += 1
                if shown >= limit:
                    break
            printed += shown
    return printed
