"""The process of a pod, as the tests start it; a module of its own, so that another process finds it.

`python -m` would import dlt anew for each fetch, most of a second. So most tests fork from a server
that has imported it already: still a process with its own signals, streams and exit code.
"""

import importlib
import json
import os
import sys
import time
import types
import warnings
from pathlib import Path

from spark_plugins import registry
from spark_runner.main import run
from spark_runner.paths import Paths


def paths(base: Path) -> Paths:
    """The folders of the contract, moved below the test's own."""
    return Paths(
        credentials=base / "credentials",
        destination=base / "destination",
        data=base / "data",
        api=base / "api",
        temporary=base / "tmp",
        termination_message=base / "termination-log",
    )


def made_known() -> None:
    """A plugin of a test, as PLUGIN=module:Class names it, in the place of the installed ones; how
    many rows are a piece, since fifty thousand would take a test its time; and how long the end of the
    budget waits, for a test that asks what ends by itself and not how fast this machine is."""
    module, _, name = os.environ.pop("PLUGIN", "").partition(":")
    if module:
        made = getattr(importlib.import_module(module), name)
        registry.load = lambda _service: made()
    if pid := os.environ.pop("NETWORK", ""):
        importlib.import_module("tests.support.network").enter(int(pid))
    if address := os.environ.pop("API_SERVER", ""):
        importlib.import_module("spark_runner.secret_api").server = lambda: address
    if seconds := os.environ.pop("GRACE_SECONDS", ""):
        importlib.import_module("spark_runner.ending").GRACE_SECONDS = float(seconds)
    if seconds := os.environ.pop("NOTICES_AFTER", ""):
        importlib.import_module("spark_runner.ending").os = _slow_to_read(float(seconds))
    if rows := os.environ.pop("ROWS_A_PIECE", ""):
        importlib.import_module("spark_runner.chunks").ROWS = int(rows)


def _slow_to_read(seconds: float) -> types.SimpleNamespace:
    """`os` for a thread that gets no turn for so long, as on a busy machine."""

    def read(descriptor: int, size: int) -> bytes:
        time.sleep(seconds)
        return os.read(descriptor, size)

    return types.SimpleNamespace(**vars(os) | {"read": read})


def redirect() -> None:
    """Lead a plugin of one service to the scripted one: `{"module:NAME": value}` by environment.

    For tests alone: what a plugin of one service calls is no setting of an Integration.
    """
    for place, value in json.loads(os.environ.pop("TEST_ADDRESSES", "{}")).items():
        module, name = place.split(":")
        setattr(importlib.import_module(module), name, value)


def forked(base: Path, environment: dict[str, str]) -> None:
    """Become the pod's process: its streams, its environment, its exit code."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        file = os.open(base / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, number)
    os.environ.clear()
    os.environ.update(environment)
    made_known()
    warnings.simplefilter("error")
    warnings.simplefilter("ignore", DeprecationWarning)
    redirect()
    sys.exit(run(paths(base), dry_run=dry_run()))


def dry_run() -> int | None:
    """What `--dry-run --limit` says."""
    limit = os.environ.pop("DRY_RUN", "")
    return int(limit) if limit else None


if __name__ == "__main__":
    made_known()
    redirect()
    sys.exit(run(paths(Path(sys.argv[1]))))
