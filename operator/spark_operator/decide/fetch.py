"""The life of a fetch: one pure function from facts and a clock reading to the next step.

    idle ── due, admitted ──▶ Claim ──▶ CreateJob ──▶ running ── Job finished ──▶ Record ──▶ idle

Each call answers with one step. The caller carries it out, gathers again and asks again, until the
answer is Wait. A crash between any two steps is therefore an ordinary beginning.
"""

from dataclasses import replace
from datetime import datetime

from spark_operator.decide import idle, reset, running
from spark_operator.decide.decision import Announcement, Decision, DeleteJobs, ReadAgain, Wait
from spark_operator.decide.view import View
from spark_operator.model.status import EventReason, Run


def decide(view: View, now: datetime) -> Decision:
    """The next step for one Integration."""
    integration = view.integration
    if integration.deleting:
        # Its Jobs go with it, by their owner reference.
        return Wait(None, integration.status)
    cleared = reset.applied(integration)
    if cleared is not integration:
        view = replace(view, integration=cleared)
    run = integration.status.run
    if stray := _stray(view, run):
        return stray
    if run is not None and run.running:
        return running.running(view, run, now)
    return idle.idle(view, now)


def _stray(view: View, run: Run | None) -> Decision | None:
    """An unfinished Job of ours that is not the running claim's: left by a frozen leader.

    A cached Integration may be older than the Job of another leader's claim, which must not be taken
    for a stray: a Job with a higher run number than the cached one asks for a live read first.
    """
    current = run.job_name if run is not None and run.running else None
    number = run.number if run is not None else 0
    strays = [j for j in view.jobs if j.name != current and not j.finished and not j.deleting]
    if not strays:
        return None
    if any(j.run_number > number for j in strays) and not view.status_is_live:
        return ReadAgain()
    names = ", ".join(j.name for j in strays)
    return DeleteJobs(
        tuple(strays),
        announcement=Announcement(
            warning=True,
            reason=EventReason.SUPERSEDED,
            message=f"Deleted {names}: not the Job of the current run.",
        ),
    )
