"""`spark-fetch`: one fetch of one Integration, from the document to the termination message."""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import logging
import os
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from spark_plugins import registry
from spark_plugins.contract import Context
from spark_plugins.errors import PermanentError
from spark_runner import document as documents
from spark_runner import egress, secret_api, termination
from spark_runner import log as logs
from spark_runner.begin import Begin
from spark_runner.classify import classify
from spark_runner.destinations import settle
from spark_runner.document import Document
from spark_runner.ending import Ending
from spark_runner.outcome import Exit, Outcome
from spark_runner.paths import Paths
from spark_runner.scrub import ScrubbedStream, Scrubber
from spark_runner.secret_api import SecretApi
from spark_runner.secrets import read_credentials
from spark_runner.stage import Stage
from spark_runner.write_back import rotations

USAGE = 2

DESCRIPTION = """\
Fetch the records of one Integration once and load them into its destination.

The operator of spark-integrations starts this in the pod of a Job. What to fetch is in the
environment variable SPARK_INTEGRATION (a JSON document), credentials are files in
/var/run/spark/credentials, the destination's Secret is in /var/run/spark/destination, and a
DuckDB file goes to /var/lib/spark/data. The whole contract is docs/contract.md.
"""
EXIT_CODES = """\
exit codes: 0 loaded; 1 transient; 2 wrong use; 10 permanent; 11 rate limited; 12 out of time.
The message for the user is written to /dev/termination-log as JSON, and to the log.
"""


def main() -> None:
    """The entry point: parse the command line, fetch, exit with the class."""
    parser = argparse.ArgumentParser(
        prog="spark-fetch",
        description=DESCRIPTION,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="print records as JSON lines on standard output; load nothing, ask no destination",
    )
    parser.add_argument(
        "--limit",
        type=int,
        default=10,
        metavar="N",
        help="with --dry-run: at most N records of each resource (default 10)",
    )
    arguments = parser.parse_args()
    if documents.VARIABLE not in os.environ:
        print(
            f"spark-fetch: the environment variable {documents.VARIABLE} is not set. It is set by "
            "the operator in the pod of a Job; see spark-fetch --help.",
            file=sys.stderr,
        )
        sys.exit(USAGE)
    sys.exit(run(Paths(), dry_run=arguments.limit if arguments.dry_run else None))


def run(paths: Paths, *, dry_run: int | None = None) -> int:
    """Fetch once by the environment of this process; the exit code of the contract.

    Writes the termination message and the log. Takes the process over: its signals, its standard
    streams, and at the end of the budget the process itself. `dry_run`: print so many records of each
    resource instead, and write no message.
    """
    # Taken out: what an author starts or prints does not get the document by its environment.
    text = os.environ.pop(documents.VARIABLE, "")
    created_at = os.environ.pop(documents.CREATED_AT, None)
    scrubber = Scrubber()
    out, err = sys.stdout, sys.stderr
    streams = ScrubbedStream(out, scrubber), ScrubbedStream(err, scrubber)
    with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]):
        originals = sys.__stdout__, sys.__stderr__
        # The second names of the same streams: whoever takes these would pass the scrubber by.
        _name_originals(*streams)
        try:
            return _run(paths, text, created_at, scrubber, dry_run)
        finally:
            _name_originals(*originals)
            for stream in streams:
                stream.close_line()


def _name_originals(out: Any, err: Any) -> None:
    sys.__stdout__, sys.__stderr__ = out, err  # type: ignore[misc]


def _run(
    paths: Paths, text: str, created_at: str | None, scrubber: Scrubber, dry_run: int | None
) -> int:
    if dry_run is not None:
        # The message is the operator's to read, and this is nobody's run.
        paths = replace(paths, termination_message=Path(os.devnull))
    try:
        document = documents.parse(text)
    except PermanentError as error:
        outcome = classify(error, None, paths.credentials)
        _finisher(paths, scrubber, logs.set_up({}))(outcome)
        return outcome.exit

    scrubber.keep(document.public_words)
    log = logs.set_up(
        {"integration": document.owner, "run": document.run, "attempt": document.attempt}
    )
    stage = Stage()
    warnings: list[str] = []
    finish = _finisher(paths, scrubber, log, warnings)
    budget = documents.budget_seconds(document.timeout_seconds, created_at, dt.datetime.now(dt.UTC))
    ending = Ending(budget, stage, finish)
    ending.start()
    try:
        outcome = _fetch(document, paths, scrubber, stage, ending.deadline, log, warnings, dry_run)
    except BaseException as error:  # dlt's signal is no Exception, nor is an author's exit
        if ending.has_come():
            outcome = ending.outcome()
        else:
            outcome = classify(error, document, paths.credentials)
            if outcome.unexpected:
                log.error("This exception has no class of its own.", exc_info=error)
    ending.over()
    # Where the other thread was first, the message says that the time is over: so must the code.
    return outcome.exit if finish(outcome) else Exit.TIMEOUT


def _fetch(
    document: Document,
    paths: Paths,
    scrubber: Scrubber,
    stage: Stage,
    deadline: float,
    log: logging.Logger,
    warnings: list[str],
    dry_run: int | None,
) -> Outcome:
    # Before any code of a plugin is imported, and before anything of the tenant's is read.
    egress.install(
        document.service, document.egress_hosts, f" Then fetch with {document.force_command}"
    )
    plugin: Any = registry.load(document.service)
    try:
        config = plugin.Config.model_validate(document.config)
    except ValidationError as error:
        raise PermanentError(
            f"spec.config is not what {document.service} expects: {documents.fields(error)}",
            reason="InvalidConfig",
        ) from None
    credentials, secrets = read_credentials(plugin.Credentials, document, paths.credentials)
    scrubber.add(secrets)
    context = Context(
        integration=document.owner,
        deadline=deadline,
        log=logging.getLogger("spark.plugin"),
        since=document.since if document.mode == "backfill" else None,
        conceal=scrubber.add,
        warnings=warnings,
    )
    # What becomes of a token is said however the fetch ends.
    rotation = rotations(
        document,
        credentials,
        scrubber,
        stage,
        lambda name: SecretApi(secret_api.server(), paths.api, document.namespace, name),
        context.warn,
    )
    context = replace(context, rotation=rotation)
    if dry_run is not None:
        from spark_runner import dry_run as dry

        printed = dry.run(
            plugin,
            config,
            credentials,
            context,
            temporary=paths.temporary,
            stage=stage,
            limit=dry_run,
        )
        return Outcome(exit=Exit.SUCCESS, message=f"{printed} records shown, nothing loaded")
    destination = settle(document, paths)
    scrubber.add(destination.secrets())
    if document.mode == "check":
        from spark_runner import check

        found = check.run(
            plugin,
            config,
            credentials,
            context,
            owner=document.owner,
            destination=destination,
            temporary=paths.temporary,
            stage=stage,
        )
        return Outcome(exit=Exit.SUCCESS, message=found)

    # Now, not before: dlt is most of this process, and a wrong config must not wait for it.
    from spark_runner import pipeline

    loaded = pipeline.run(
        lambda chunks: plugin.fetch_data(
            config, credentials, replace(context, enough=chunks.enough)
        ),
        begin=Begin(document.mode, document.since, document.request),
        remaining_seconds=context.remaining_seconds(),
        service=document.service,
        owner=document.owner,
        destination=destination,
        temporary=paths.temporary,
        stage=stage,
        log=log,
    )
    message = ""
    if loaded.first and loaded.rows == 0:
        message = (
            "The first fetch brought no records: if the service has some, spec.config may ask for "
            "the wrong thing."
        )
    return Outcome(exit=Exit.SUCCESS, rows=loaded.rows, message=message)


def _finisher(
    paths: Paths, scrubber: Scrubber, log: logging.Logger, warnings: Sequence[str] = ()
) -> Callable[[Outcome], bool]:
    """Write message and log, once: the main thread and the end of the budget may come together.

    The warnings of the plugin go with the message, however the fetch ended: a token that was
    rotated is lost with the pod in any case. What `finish` gives says whether it was the first
    and so has written.
    """
    lock = threading.Lock()
    written = threading.Event()

    def finish(outcome: Outcome) -> bool:
        # The second waits for the first: the process must not end in the middle of a message.
        with lock:
            if written.is_set():
                return False
            written.set()
            outcome = replace(outcome, message=" ".join([outcome.message, *warnings]).strip())
            termination.write(paths.termination_message, outcome, scrubber)
            level = logging.INFO if outcome.exit is Exit.SUCCESS else logging.ERROR
            log.log(
                level,
                "%s: %s",
                outcome.exit.name.lower(),
                outcome.message or f"{outcome.rows or 0} records loaded",
            )
            return True

    return finish


if __name__ == "__main__":
    main()
