"""A claim: the run that is to be, recorded before its Job is made."""

import hashlib
from dataclasses import replace
from datetime import datetime

from spark_operator.decide import request, standing
from spark_operator.decide.decision import Claim
from spark_operator.decide.schedule import Start
from spark_operator.decide.view import View
from spark_operator.model import timestamps
from spark_operator.model.integration import Integration
from spark_operator.model.status import MAX_RUN_NUMBER, Mode, Run

_JOB_NAME_LENGTH = 63


def job_name(integration: Integration, number: int) -> str:
    """``<name cut to fit>-<hash of uid>-<number>``: the same name for the same run, for ever.

    63 characters, since the name becomes a label of the pods.
    """
    tail = f"-{hashlib.sha256(integration.uid.encode()).hexdigest()[:8]}-{number}"
    head = integration.name.replace(".", "-")[: _JOB_NAME_LENGTH - len(tail)].rstrip("-")
    return head + tail


def _next_number(view: View) -> int:
    """One more than the recorded run's, unless a Job bears that name already.

    Such a Job is there where somebody wiped the record or set it back: it would be taken for the new
    run's, and its old outcome recorded for a fetch that never was.
    """
    integration = view.integration
    run = integration.status.run
    number = (run.number if run is not None else 0) % MAX_RUN_NUMBER + 1
    while view.job(job_name(integration, number)) is not None:
        number = number % MAX_RUN_NUMBER + 1
    return number


def claim(view: View, start: Start, now: datetime) -> Claim:
    integration = view.integration
    now = timestamps.whole_seconds(now)
    number = _next_number(view)
    run = Run(
        number=number,
        attempt=start.attempt,
        trigger=start.trigger,
        generation=integration.generation,
        job_name=job_name(integration, number),
        started_at=now,
        mode=start.mode,
        since=start.since,
        request=start.request,
    )
    status = integration.status
    check = run.mode is Mode.CHECK
    base = replace(
        status,
        run=run,
        last_fetch=status.fetch if check else None,
        last_triggered_at=status.last_triggered_at if check else now,
        last_handled_request=request.taken(integration),
    )
    return Claim(standing.fetching(integration, base, run, now))
