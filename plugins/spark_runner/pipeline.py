"""One fetch through dlt: extract, normalize, load, with the rules learnt by killing it."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spark_plugins.errors import TransientError
from spark_runner.begin import Begin
from spark_runner.destinations import Destination
from spark_runner.records import prepare
from spark_runner.stage import Stage

if TYPE_CHECKING:
    from spark_runner.chunks import Chunks

# dlt reads its settings from here, and looks for files in the folders named.
SETTINGS = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "ERROR",
    # The operator owns waiting: a sleep in here would eat the deadline and hide a Retry-After.
    "RUNTIME__REQUEST_MAX_ATTEMPTS": "2",
    "RUNTIME__REQUEST_BACKOFF_FACTOR": "0.5",
    "RUNTIME__REQUEST_MAX_RETRY_DELAY": "5",
    "RUNTIME__REQUEST_TIMEOUT": "30",
    # Bodies of errors may repeat what was sent.
    "RUNTIME__HTTP_SHOW_ERROR_BODY": "false",
    "EXTRACT__WORKERS": "1",
    "NORMALIZE__WORKERS": "1",
    "LOAD__WORKERS": "1",
    "LOAD__RAISE_ON_FAILED_JOBS": "true",
    "DATA_WRITER__BUFFER_MAX_ITEMS": "2000",
}


@dataclass(frozen=True)
class Loaded:
    """`rows` counts records of the plugin's tables; `first` is true until a load has succeeded."""

    rows: int
    first: bool


def set_up(folder: Path) -> None:
    """Tell dlt its settings and folders; before it is imported."""
    os.environ.update(SETTINGS)
    for name in ("DLT_DATA_DIR", "DLT_PROJECT_DIR", "DLT_CONFIG_FOLDER"):
        os.environ[name] = str(folder)
    # What looks for a home or for room finds this folder: the root is read-only, and the user may
    # have no home.
    os.environ["HOME"] = os.environ["TMPDIR"] = str(folder)
    tempfile.tempdir = None


def run(
    fetch: Callable[[Chunks], Any],
    *,
    begin: Begin,
    remaining_seconds: float,
    service: str,
    owner: str,
    destination: Destination,
    temporary: Path,
    stage: Stage,
    log: logging.Logger,
) -> Loaded:
    """Fetch and load, piece by piece; `fetch` gives what the plugin's `fetch_data` gives.

    Raises whatever happens on the way; see `classify`.
    """
    # A new folder each time: one that a killed process left holds half a package, and dlt would
    # load that first, for ever.
    with tempfile.TemporaryDirectory(
        prefix="fetch-", dir=temporary, ignore_cleanup_errors=True
    ) as folder:
        set_up(Path(folder))
        stage.enter("importing dlt")
        import dlt
        from dlt.common.runtime import signals

        from spark_runner import coercion
        from spark_runner.chunks import Chunks, cursor_of, keep_only, seconds_for

        coercion.install()
        chunks = Chunks(seconds_for(remaining_seconds))
        with signals.intercepted_signals():
            stage.enter("connecting to the destination")
            with destination.locked(owner) as still_locked:
                pipeline = dlt.pipeline(
                    pipeline_name="spark",
                    pipelines_dir=folder,
                    destination=destination.factory(),
                    dataset_name=destination.dataset,
                )
                _join_our_log()
                stage.enter("reading the state in the destination")
                pipeline.sync_destination()
                first = pipeline.first_run
                with pipeline.managed_state() as state:
                    if begun := begin.prepare(state):
                        log.info("The cursors were moved back for a %s", begin.mode)
                wanted: set[str] | None = None
                while True:
                    stage.enter("fetching")
                    chunks.begin()
                    source = prepare(fetch(chunks), service, stage, chunks)
                    if begun and wanted is None:
                        with pipeline.managed_state() as state:
                            for name, resource in source.resources.items():
                                if cursor := cursor_of(resource):
                                    begin.first(state, source.name, name, cursor)
                    if wanted is not None:
                        keep_only(source, wanted)
                    info = pipeline.extract(
                        source, loader_file_format=destination.loader_file_format
                    )
                    # One that the record limit ended, and no signal.
                    signals.raise_if_signalled()
                    chunks.ended(pipeline.state)
                    stage.enter("preparing the records")
                    pipeline.normalize()
                    counts = _records(info)
                    still_locked()
                    stage.enter("loading", loading=True)
                    log.info("Loading %s", counts or "nothing new")
                    pipeline.load()
                    if pipeline.has_pending_data:
                        # A drained load returns as if it were done.
                        signals.raise_if_signalled()
                        raise TransientError("The load ended before every record was loaded.")
                    # Each piece, or a kill in the next one would cost this one.
                    destination.publish()
                    stage.loaded += sum(counts.values())
                    if not chunks.unfinished:
                        break
                    wanted = set(chunks.unfinished)
                stage.enter("finishing")
                return Loaded(rows=stage.loaded, first=first)


def _join_our_log() -> None:
    """dlt makes a handler of its own; through ours its lines are JSON as well."""
    theirs = logging.getLogger("dlt")
    for handler in list(theirs.handlers):
        theirs.removeHandler(handler)
    theirs.propagate = True


def _records(info: Any) -> dict[str, int]:
    """Records by table, of dlt's ExtractInfo.

    Not of its NormalizeInfo: in 1.31 the csv writer counts fields where it should count rows.
    """
    counts: dict[str, int] = {}
    for steps in info.metrics.values():
        for step in steps:
            for table, metrics in step["table_metrics"].items():
                if not table.startswith("_dlt"):
                    counts[table] = counts.get(table, 0) + metrics.items_count
    return counts
