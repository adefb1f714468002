"""Which Integrations a command means, and which of those have something to do."""

from spark_cli.decide.verdict import Verdict
from spark_operator.model.integration import Integration
from spark_operator.model.record import record
from spark_operator.model.status import Mode, Reason, Run


@record(frozen=True, slots=True)
class Choice:
    """``ask``: whether a request is sent. ``follow``: whether there is an end to wait for."""

    ask: bool
    follow: bool
    failed: bool
    why: str


def fetch(integration: Integration, verdict: Verdict, *, force: bool, named: bool) -> Choice:
    """Those due or failed; with ``force`` all whose request would be taken at some time.

    A request for what is suspended or refused would be taken later, when nobody thinks of it any more:
    it is not sent. Whoever asks for all (not ``named``) does not mean what is suspended on purpose.
    """
    if verdict.held:
        failed = named or verdict.reason != Reason.SUSPENDED
        return Choice(False, False, failed, f"not asked for: {verdict.message}")
    run = integration.status.run
    # A check loads nothing: what is due is fetched after it.
    going = run is not None and run.running and run.mode is not Mode.CHECK
    if run is not None and going and not force:
        return Choice(False, True, False, f"run {run.number} goes on already")
    if force:
        return Choice(True, True, False, "asked for")
    if verdict.due or integration.status.failing:
        return Choice(True, True, False, "asked for")
    return Choice(False, False, False, f"not due: {verdict.message} (--force fetches all the same)")


def retry(integration: Integration, verdict: Verdict, *, named: bool) -> Choice:
    """Those whose latest attempt failed; what is refused as it is, is told why it cannot be retried."""
    refused = verdict.held and verdict.reason != Reason.SUSPENDED
    if not integration.status.failing and not refused:
        return Choice(False, False, False, "has not failed")
    # Without force: an attempt that goes on is the retry, and another would be one too many.
    return fetch(integration, verdict, force=False, named=named)


def again(run: Run | None) -> tuple[Mode, str | None]:
    """Mode and ``requestedSince`` that ask for the work of a failed run once more."""
    if run is None or run.mode is Mode.CHECK:
        return Mode.FETCH, None
    if run.mode is Mode.BACKFILL and run.since is not None:
        return Mode.BACKFILL, f"{run.since:%Y-%m-%dT%H:%M:%SZ}"
    return run.mode, None
