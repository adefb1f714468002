"""How fast and in how much memory a fetch loads, beside a script that does the least.

`make bench-loading`, or `python -m bench.loading --records 100000`. The bare script asks for the
same pages with requests and copies them into a new table: no merge, no state, no bound on memory,
no schema that follows. Both run as processes of their own against the same service, in turn.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.support import postgres

from spark_plugins.testing import Answer, Request, Service
from spark_plugins.testing.pod import Pod
from spark_plugins.testing.targets import DuckDb, Files, Postgres, Target, new_dataset

PAGE = 1000
LIMIT_SECONDS, LIMIT_MIB = 300, 256

# The peak of this process alone: the one of getrusage begins with that of its parent.
_PEAK = """
def peak():
    import os
    from pathlib import Path
    lines = Path("/proc/self/status").read_text().splitlines()
    kib = next(line for line in lines if line.startswith("VmHWM")).split()[1]
    used = os.times()
    return f"{kib} {used.user + used.system}"
"""
_FETCH = (
    _PEAK
    + """
import sys
from pathlib import Path
from spark_runner.main import run
from spark_runner.paths import Paths
base = Path(sys.argv[1])
code = run(Paths(credentials=base / "credentials", destination=base / "destination",
                 api=base / "api", data=base / "data", temporary=base / "tmp",
                 termination_message=base / "termination-log"))
(base / "peak").write_text(peak())
sys.exit(code)
"""
)
_BARE = (
    _PEAK
    + """
import csv, io, json, os, sys
from pathlib import Path
import requests
base, url, kind, dataset = Path(sys.argv[1]), *sys.argv[2:]
session = requests.Session()
def pages():
    link = f"{url}/items"
    while link:
        answer = session.get(link, timeout=30)
        yield answer.json()
        link = answer.links.get("next", {}).get("url")
if kind == "postgres":
    import psycopg2
    connection = psycopg2.connect(os.environ["DSN"])
    cursor = connection.cursor()
    cursor.execute(f"CREATE TABLE {dataset} (id bigint, changed timestamptz, name text, "
                   "size bigint, price float8, open bool, note text, tags jsonb)")
    for page in pages():
        buffer = io.StringIO()
        rows = csv.writer(buffer)
        for item in page:
            rows.writerow([*list(item.values())[:-1], json.dumps(item["tags"])])
        buffer.seek(0)
        cursor.copy_expert(f"COPY {dataset} FROM STDIN (FORMAT csv)", buffer)
    connection.commit()
else:
    import duckdb
    with (base / "rows.jsonl").open("w") as file:
        for page in pages():
            file.writelines(json.dumps(item) + "\\n" for item in page)
    with duckdb.connect(str(base / "bare.duckdb"), config={"threads": 1}) as connection:
        source = f"read_json('{base / 'rows.jsonl'}')"
        if kind == "files":
            connection.execute(f"COPY (FROM {source}) TO '{base / 'bare.parquet'}' (FORMAT parquet)")
        else:
            connection.execute(f"CREATE TABLE items AS FROM {source}")
(base / "peak").write_text(peak())
"""
)


@dataclass(frozen=True)
class Measured:
    seconds: float
    # Of this process alone: on a busy machine the one figure that means something.
    cpu_seconds: float
    peak_mib: float

    def row(self, what: str, records: int) -> str:
        return (
            f"| {what} | {self.seconds:.1f} | {records / self.seconds:,.0f} "
            f"| {self.cpu_seconds:.1f} | {self.peak_mib:.0f} |"
        )


def pages(records: int) -> list[bytes]:
    """The bodies of all pages, made beforehand: the service is not what is measured."""
    made = []
    for start in range(1, records + 1, PAGE):
        items = [
            {
                "id": number,
                "changed": f"2026-01-01T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}Z",
                "name": f"record number {number}",
                "size": number * 17 % 100_003,
                "price": number / 7,
                "open": number % 3 == 0,
                "note": "some words about it, as people write them. " * 2,
                "tags": ["a", f"b{number % 10}"],
            }
            for number in range(start, min(start + PAGE, records + 1))
        ]
        made.append(json.dumps(items).encode())
    return made


def process(
    program: str, base: Path, arguments: list[str], environment: dict[str, str]
) -> Measured:
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", program, str(base), *arguments],
        env={"PATH": os.environ["PATH"], **environment},
        check=False,
        stderr=subprocess.PIPE,
        text=True,
    )
    seconds = time.monotonic() - began
    if done.returncode != 0:
        raise RuntimeError(f"it ended with {done.returncode}: {done.stderr[-2000:]}")
    peak_kib, cpu_seconds = map(float, (base / "peak").read_text().split())
    return Measured(seconds, cpu_seconds, peak_kib / 1024)


def measure(
    target: Target, service: Service, folder: Path, records: int, dsn: str
) -> tuple[Measured, Measured]:
    """A first fetch into an empty dataset, and the bare script."""
    dataset = new_dataset()
    resource = {
        "name": "items",
        "path": "items",
        "primaryKey": ["id"],
        "pagination": {"type": "link_header"},
    }
    pod = Pod(
        base=folder / dataset,
        plugin="rest",
        config={"baseUrl": service.url, "resources": [resource]},
        destination=target.destination(dataset),
        destination_secret=target.secret(),
    )
    bare = process(_BARE, pod.base, [service.url, target.name, f"bare_{dataset}"], {"DSN": dsn})
    ours = process(
        _FETCH, pod.base, [], {"SPARK_INTEGRATION": json.dumps(pod.document(LIMIT_SECONDS))}
    )
    loaded = target.rows(pod.base / "data", dataset, "items", "id")
    assert len({key for (key,) in loaded}) == len(loaded) == records, "not every record once"
    return ours, bare


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.loading", description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    records = parser.parse_args().records
    tools = postgres.binaries()
    if tools is None:
        sys.exit("PostgreSQL is not installed: apt-get install postgresql")
    bodies = pages(records)

    def answer(request: Request) -> Answer:
        number = int(request.query.get("page", "1"))
        headers = {"Content-Type": "application/json"}
        if number < len(bodies):
            headers["Link"] = f'<{service.url}/items?page={number + 1}>; rel="next"'
        return Answer(200, bodies[number - 1], headers)

    within = True
    print(f"{records:,} records of {len(bodies[0]) // PAGE} bytes, {PAGE} a page\n")
    print("| | seconds | records/s | CPU s | peak MiB |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="bench-") as name, Service() as service:
        service.on("/items", answer)
        folder = Path(name)
        folder.chmod(0o711)
        (folder / "postgres").mkdir()
        with postgres.running(folder / "postgres", tools) as server:
            warehouse = Postgres("127.0.0.1", server.port, "postgres", server.user, server.password)
            dsn = (
                f"host=127.0.0.1 port={server.port} dbname=postgres user={server.user} "
                f"password={server.password}"
            )
            for target in (warehouse, DuckDb(), Files()):
                ours, bare = measure(target, service, folder, records, dsn)
                print(ours.row(f"spark-fetch → {target.name}", records))
                print(bare.row(f"bare → {target.name}", records), flush=True)
                within = within and ours.seconds < LIMIT_SECONDS and ours.peak_mib < LIMIT_MIB
    print(f"\n{'within' if within else 'NOT within'} {LIMIT_SECONDS} s and {LIMIT_MIB} MiB")
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
