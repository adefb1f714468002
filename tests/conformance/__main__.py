"""The conformance kit over every bundled plugin and every destination; prints the table.

`make conformance`, or `python -m tests.conformance --plugin rest --target duckdb --kills 10`.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.conformance.pairs import ADAPTERS, MANY_KILLS, kills
from tests.support import bucket, postgres

from spark_plugins.testing import report
from spark_plugins.testing.adapter import Adapter
from spark_plugins.testing.conformance import Check, Nonconformity, checks
from spark_plugins.testing.targets import Bucket, DuckDb, Files, Postgres, Target


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
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("--plugin", help="only this one")
    parser.add_argument("--target", help="only this destination")
    parser.add_argument("--kills", type=int, default=MANY_KILLS, help="for the pairs with many")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED", 0)))
    parser.add_argument("--workers", type=int, default=2, help="pairs of checks at a time")
    arguments = parser.parse_args()
    seed = arguments.seed or random.randrange(1, 10**6)
    print(f"SEED={seed}", flush=True)
    with (
        tempfile.TemporaryDirectory(prefix="conformance-") as folder,
        targets(Path(folder)) as all_targets,
    ):
        return _run(Path(folder), all_targets, arguments, seed)


def _run(folder: Path, found: list[Target], arguments: argparse.Namespace, seed: int) -> int:
    adapters: list[Adapter] = [adapter() for adapter in ADAPTERS]
    chosen = [
        (adapter, target)
        for adapter, target in itertools.product(adapters, found)
        if arguments.plugin in (None, adapter.plugin) and arguments.target in (None, target.name)
    ]
    results: dict[report.Pair, dict[str, str]] = {}
    pending: list[Check] = []
    for adapter, target in chosen:
        count = kills(adapter.plugin, target.name, arguments.kills)
        pair = checks(adapter, target, kills=count, seed=seed)
        # In the order of the table, however they end.
        results[adapter.plugin, target.name] = dict.fromkeys(
            (check.name for check in pair), report.FAILED
        )
        pending += pair
    # The long ones first, so that none of them is waited for alone.
    pending.sort(key=lambda check: check.name != "kills")

    def one(check: Check) -> str:
        began = time.monotonic()
        try:
            said = check.run(folder)
        except Nonconformity as error:
            return f"{check}: {error}"
        except Exception as error:  # noqa: BLE001  (one broken check must not end the others)
            return f"{check}: {type(error).__name__}: {error}"
        results[check.adapter.plugin, check.target.name][check.name] = said
        print(f"{check}: {said} ({time.monotonic() - began:.1f} s)", flush=True)
        return ""

    with ThreadPoolExecutor(arguments.workers) as pool:
        wrong = [said for said in pool.map(one, pending) if said]
    print(f"\n{report.table(results)}\n")
    for said in wrong:
        print(said, end="\n\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
