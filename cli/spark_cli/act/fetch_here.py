"""One fetch in this process, by the runner: ``python -m spark_cli.act.fetch_here``, started by ``run``.

A process of its own, since the runner takes its process over, and at the end of its time ends it: whoever
started it is left to remove the credentials.
"""

import sys
from pathlib import Path


def main(folder: str, credentials: str, data: str, limit: str) -> int:
    """``folder`` and ``credentials`` hold what a pod is given; ``limit`` is empty, or the number of
    records to print."""
    from spark_runner.main import run
    from spark_runner.paths import Paths

    place = Path(folder)
    paths = Paths(
        credentials=Path(credentials),
        destination=place / "destination",
        api=place / "api",
        data=Path(data),
        temporary=place / "tmp",
        termination_message=place / "message",
    )
    return run(paths, dry_run=int(limit) if limit else None)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
