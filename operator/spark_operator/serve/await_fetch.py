"""The command ``spark-await-fetch``: what `helm test` runs, to tell whether an Integration was fetched."""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from spark_operator.act import integrations
from spark_operator.act.api import Api, ApiError, NoAnswer
from spark_operator.model.integration import Integration
from spark_operator.model.status import Outcome
from spark_operator.serve.arguments import object_key
from spark_operator.serve.clock import Clock
from spark_operator.serve.connection import NoCluster, connect

_LOOK_SECONDS = 1.0
_FINAL = ("UnknownService", "InvalidConfig", "InvalidCredentials", "Failed", "Suspended")
"""Reasons of Ready that no waiting changes: somebody has to mend something first."""


class NotFetched(Exception):
    """It was not fetched; the text says why, and where to look."""


def parser() -> argparse.ArgumentParser:
    chosen = argparse.ArgumentParser(
        prog="spark-await-fetch",
        description="Waits until the operator has fetched an Integration once; reads, changes nothing.",
    )
    chosen.add_argument("integration", metavar="NAMESPACE/NAME", type=object_key)
    chosen.add_argument("--timeout-seconds", metavar="SECONDS", type=float, default=180.0)
    return chosen


def state(integration: Integration) -> str:
    """One line: the reason of Ready and its message, as `kubectl get` shows them."""
    ready = integration.status.condition("Ready")
    if ready is None:
        return "no replica of the operator has looked at it yet"
    return f"{ready.reason}: {ready.message}"


def outcome(integration: Integration) -> str | None:
    """What to say of a success; None while there is something to wait for. Raises NotFetched.

    A run that failed ends the waiting, though the operator would try again: a fetch that works the
    second time is nothing that an administrator wants to hear of as a success.
    """
    run, ready = integration.status.run, integration.status.condition("Ready")
    if run is not None and run.outcome is Outcome.SUCCEEDED:
        return f"fetched {run.rows} rows with Job {run.job_name}"
    if (run is not None and run.failed) or (ready is not None and ready.reason in _FINAL):
        raise NotFetched(state(integration))
    return None


async def fetched(api: Api, clock: Clock, namespace: str, name: str, seconds: float) -> str:
    """What to say once it was fetched, telling each new state on the way. Raises NotFetched, ApiError."""
    ends, told = clock.monotonic() + seconds, ""
    while True:
        try:
            found = await integrations.read(api, namespace, name)
        except NoAnswer as failure:
            now = f"the API server does not answer: {failure}"
        except ApiError as refused:
            if not refused.temporary:
                raise
            now = f"the API server refuses for now: {refused}"
        else:
            if found is None:
                raise NotFetched(f"there is no Integration {namespace}/{name}")
            if (said := outcome(found)) is not None:
                return said
            now = state(found)
        if now != told:
            print(now, flush=True)
            told = now
        if clock.monotonic() > ends:
            raise NotFetched(
                f"not fetched within {seconds:.0f} s; the last state was: {now}. Look at the operator's log, "
                "and at the Jobs of the namespace"
            )
        await asyncio.sleep(_LOOK_SECONDS)


async def _run(namespace: str, name: str, seconds: float) -> str:
    clock = Clock()
    connection = connect(clock.monotonic)
    session = connection.session()
    try:
        api = Api(session, connection.server, lambda: False)
        return await fetched(api, clock, namespace, name, seconds)
    finally:
        await session.close()
        await connection.close()


def main(argv: Sequence[str] | None = None) -> int:
    """0 once a fetch has succeeded; 1 with the reason where one failed, or none came in time."""
    arguments = parser().parse_args(argv)
    namespace, name = arguments.integration
    try:
        print(asyncio.run(_run(namespace, name, arguments.timeout_seconds)))
    except (NotFetched, NoCluster, ApiError) as error:
        print(f"spark-await-fetch: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
