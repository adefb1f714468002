"""``logs``: what a fetch has written."""

import sys
import time
from typing import Any

import click
import requests
import urllib3

from spark_cli.commands.history import jobs_of, one
from spark_cli.commands.options import Access, IntegrationName, connected
from spark_cli.decide import kept
from spark_cli.decide.progress import PATIENCE
from spark_cli.exits import Exit, Failure
from spark_cli.gather import kinds
from spark_cli.gather.cluster import ApiFailure
from spark_cli.gather.jobs import pods_of
from spark_operator.decide import outcome
from spark_operator.model import fields
from spark_operator.model import pod as pods
from spark_operator.model.integration import Integration
from spark_operator.model.job import Job

# A run that is claimed has its Job within a moment; a pod that does not start says why by then.
_PATIENCE_SECONDS = 30.0
_LOOK_SECONDS = 0.5
# A log that says nothing for so long: the connection is asked for anew by whoever follows.
_SILENCE_SECONDS = 3600.0


@click.command("logs")
@click.argument("name", type=IntegrationName())
@click.option("-f", "--follow", is_flag=True, help="go on until the run has ended")
@click.option("--run", "number", type=int, help="the run of this number (default: the latest)")
@click.option("--tail", type=int, help="only so many lines from the end")
@connected
def logs_command(
    access: Access, name: str, follow: bool, number: int | None, tail: int | None
) -> int:
    """Print the log of the latest run.

    Or of another that is kept: --run NUMBER, as history lists them. With -f the run that goes on or was
    asked for is waited for.
    """
    integration = one(access, name)
    if follow and number is None:
        job = _followed(access, integration)
    else:
        job = _job(access, integration, number)
    pod = _pod(access, job, patient=follow)
    return _print(access, integration.namespace, pod, follow=follow, tail=tail)


def _followed(access: Access, integration: Integration) -> Job:
    """Once it is there: after a request the Job before it is the latest for some moments more."""
    ends = time.monotonic() + PATIENCE.total_seconds()
    while kept.awaited(integration):
        job = kept.followed(integration, jobs_of(access, integration))
        if job is not None:
            return job
        if time.monotonic() > ends:
            raise Failure(
                f'the run of "{integration.name}" that was asked for has no Job yet: kubectl spark status '
                f"{integration.name} tells what it waits for; --run NUMBER prints an earlier log"
            )
        time.sleep(_LOOK_SECONDS)
        integration = one(access, integration.name)
    # It ended meanwhile, or nothing goes on.
    return _job(access, integration, None)


def _job(access: Access, integration: Integration, number: int | None) -> Job:
    found = jobs_of(access, integration)
    if number is not None:
        found = [job for job in found if job.run_number == number]
        if not found:
            raise Failure(
                f"no Job of run {number} is kept: kubectl spark history {integration.name} lists them"
            )
    if found:
        return found[-1]
    run = integration.status.run
    if run is None:
        raise Failure(f'"{integration.name}" has never been fetched, so there is no log')
    raise Failure(
        f"the Job {run.job_name} of the latest run is gone, and its log with it "
        "(spec.history of the Scheduler says how many are kept)"
    )


def _pod(access: Access, job: Job, *, patient: bool) -> str:
    """The newest pod that has begun, waited for if ``patient``. Raises Failure, which says why not."""
    ends = time.monotonic() + _PATIENCE_SECONDS
    while True:
        bodies = pods_of(access.cluster, job)
        begun = [body for body in bodies if _begun(body)]
        if begun:
            newest: str = max(begun, key=_created)["metadata"]["name"]
            return newest
        if not patient or time.monotonic() > ends:
            problem = outcome.pod_problem(pods.parse(bodies))
            raise Failure(
                f"the pod of Job {job.name} has written nothing"
                + (f": {problem[1]}" if problem else " yet")
            )
        time.sleep(_LOOK_SECONDS)


def _created(body: dict[str, Any]) -> str:
    return fields.text(body["metadata"].get("creationTimestamp"))


def _begun(body: dict[str, Any]) -> bool:
    """Whether its container has run, so that there is a log."""
    for status in fields.items(fields.mapping(body.get("status")).get("containerStatuses")):
        state = fields.mapping(fields.mapping(status).get("state"))
        if "running" in state or "terminated" in state:
            return True
    return False


def _print(access: Access, namespace: str, pod: str, *, follow: bool, tail: int | None) -> int:
    params = {"container": "fetch"}
    if follow:
        params["follow"] = "true"
    if tail is not None:
        params["tailLines"] = str(tail)
    path = kinds.POD.path(namespace, pod) + "/log"
    try:
        response = access.cluster.send(
            "GET", path, params=params, stream=True, read_seconds=_SILENCE_SECONDS
        )
    except ApiFailure as error:
        raise ApiFailure(
            error.status, error.reason, f"the log of pod {pod} cannot be read: {error.message}"
        ) from None
    out = sys.stdout.buffer
    try:
        for chunk in response.iter_content(chunk_size=None):
            out.write(chunk)
            out.flush()
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise Failure(f"the log of pod {pod} was cut ({type(error).__name__})") from error
    finally:
        response.close()
    return Exit.OK
