"""The conformance kit over every bundled plugin and every destination.

Prints each result as it comes, then the tables, whatever has failed and also where it is stopped, and
last a sentence. The exit status is 0 only where every check has run and passed.

`make conformance`, or `python -m tests.conformance --plugin rest --target duckdb --kills 10`; both options may be repeated.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.conformance.pairs import ADAPTERS, MANY_KILLS, kills
from tests.support import bucket, postgres

from spark_plugins.testing import report
from spark_plugins.testing.conformance import Check, Nonconformity, checks, not_applicable
from spark_plugins.testing.pod import no_more
from spark_plugins.testing.targets import Bucket, DuckDb, Files, Postgres, Target

TARGETS = ("duckdb", "postgres", "files", "s3")


@contextlib.contextmanager
def targets(folder: Path) -> Iterator[list[Target]]:
    """Every destination, as a real server where it is one."""
    with contextlib.ExitStack() as stack:
        tools = postgres.binaries()
        if tools is None:
            sys.exit("PostgreSQL is not installed: apt-get install postgresql")
        base = folder / "postgres"
        base.mkdir()
        folder.chmod(0o711)
        server = stack.enter_context(postgres.running(base, tools))
        storage = stack.enter_context(bucket.running())
        yield [
            DuckDb(),
            Postgres("127.0.0.1", server.port, "postgres", server.user, server.password),
            Files(),
            Bucket(storage.endpoint, storage.bucket, "canary-id", "canary/secret+key/91bd"),
        ]


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.conformance",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [adapter.plugin for adapter in ADAPTERS]
    parser.add_argument("--plugin", action="append", choices=names, help="only this one")
    parser.add_argument("--target", action="append", choices=TARGETS, help="only this destination")
    parser.add_argument("--kills", type=int, default=MANY_KILLS, help="for the pairs with many")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED", 0)))
    parser.add_argument("--workers", type=int, default=2, help="checks at a time")
    arguments = parser.parse_args()
    seed = arguments.seed or random.randrange(1, 10**6)
    print(f"SEED={seed}", flush=True)
    # As Ctrl-C does: the tables show how far it came.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with (
        # Where the run was stopped, checks that are under way still write into it.
        tempfile.TemporaryDirectory(prefix="conformance-", ignore_cleanup_errors=True) as folder,
        targets(Path(folder)) as all_targets,
    ):
        return _run(Path(folder), all_targets, arguments, seed)


def _run(folder: Path, found: list[Target], arguments: argparse.Namespace, seed: int) -> int:
    results: dict[report.Pair, dict[str, report.Result]] = {}
    pending: list[Check] = []
    for adapter, target in itertools.product([adapter() for adapter in ADAPTERS], found):
        if arguments.plugin and adapter.plugin not in arguments.plugin:
            continue
        if arguments.target and target.name not in arguments.target:
            continue
        count = kills(adapter.plugin, target.name, arguments.kills)
        pair = checks(adapter, target, kills=count, seed=seed)
        # In the order of the table, however they end.
        results[adapter.plugin, target.name] = {
            **{check.name: report.Result() for check in pair},
            **{
                name: report.Result("n/a", reason=reason)
                for name, reason in not_applicable(adapter, target).items()
            },
        }
        pending += pair
    # The long ones first, so that none of them is waited for alone.
    pending.sort(key=lambda check: check.name != "kills")
    pool = ThreadPoolExecutor(arguments.workers)
    try:
        for _ in pool.map(lambda check: _one(check, folder, results), pending):
            pass
    except KeyboardInterrupt:
        _stopped.set()
        print("Stopped.", flush=True)
        no_more()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        print(f"\n{report.tables(results)}\n\n{report.sentence(results)}", flush=True)
    return 0 if report.passed(results) else 1


_stopped = threading.Event()


def _one(
    check: Check, folder: Path, results: Mapping[report.Pair, dict[str, report.Result]]
) -> None:
    began = time.monotonic()
    result = report.Result("ok")
    try:
        result.counted = check.run(folder)
    except Nonconformity as error:
        result.state, result.reason = "FAIL", str(error)
    except Exception as error:  # noqa: BLE001  (one broken check must not end the others)
        result.state, result.reason = "FAIL", f"{type(error).__name__}: {error}"
    if _stopped.is_set():
        # It lost its server or its folder, and the sentence has been said.
        return
    result.seconds = time.monotonic() - began
    results[check.adapter.plugin, check.target.name][check.name] = result
    # Now and not at the end, which another signal may prevent.
    print(f"{check}: {result}{': ' + result.reason if result.reason else ''}", flush=True)


if __name__ == "__main__":
    status = main()
    if _stopped.is_set():
        # Checks that are under way would be waited for, each with fetches still to come.
        os._exit(status)
    sys.exit(status)
