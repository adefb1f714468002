"""Asking for runs and, if wanted, waiting for their ends: what fetch, retry, backfill, reset and a
connection check have in common."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import click

from spark_cli.act import requests
from spark_cli.commands.options import Access
from spark_cli.decide import progress
from spark_cli.decide.progress import Asked, Phase, Step
from spark_cli.decide.select import Choice as Chosen
from spark_cli.exits import Exit, Failure, NoAccess
from spark_cli.gather import kinds
from spark_cli.gather.cluster import ApiFailure
from spark_cli.gather.facts import Facts, Found
from spark_cli.gather.follow import Follower
from spark_cli.gather.liveness import Liveness
from spark_cli.gather.parsed import Parsed
from spark_cli.show import live, table
from spark_cli.show import output as outputs
from spark_cli.show.times import ahead
from spark_operator.model import timestamps
from spark_operator.model.integration import Integration
from spark_operator.model.status import Mode

_TICK_SECONDS = 1.0


@dataclass(frozen=True)
class Order:
    """What is asked for of one Integration, or why nothing is."""

    integration: Integration
    chosen: Chosen
    mode: Mode = Mode.FETCH
    since: str | None = None


@dataclass
class _Result:
    order: Order
    said: str
    failed: bool
    asked: Asked | None = None
    step: Step | None = None

    @property
    def uid(self) -> str:
        return self.order.integration.uid


def carry_out(
    access: Access,
    facts: Facts,
    found: Found,
    orders: Sequence[Order],
    *,
    wait: bool,
    timeout: float | None,
    form: str | None,
) -> int:
    """Ask, say what was asked for and, with ``wait``, follow it to its end; the exit code."""
    if timeout is not None and not wait:
        raise click.UsageError("--timeout is for --wait")
    outputs.outlast_reader()
    results, trouble = _ask_all(access, orders, tell=form is None)
    for line in found.missing:
        click.echo(f"error: {line}", err=True)
    followed = [r for r in results if r.asked is not None]
    if wait and followed and trouble is None:
        try:
            _wait(access, facts, followed, timeout)
        except Failure as error:
            # What was asked for goes on all the same, and is told below.
            trouble = error
    if form in ("json", "yaml"):
        outputs.document([_document(r) for r in results], form)
    elif form == "name":
        told = (r.order.integration.name for r in results if r.order.chosen.ask and not r.failed)
        outputs.names(kinds.INTEGRATION.resource, told)
    elif wait and followed:
        _tell_end(access, followed)
    if trouble is not None:
        click.echo(f"error: {trouble.message}", err=True)
        return trouble.exit
    if found.missing or any(_is_failed(r) for r in results):
        return Exit.FAILED
    unfinished = wait and any(r.step is not None and not r.step.ended for r in results)
    return Exit.UNFINISHED if unfinished else Exit.OK


def _is_failed(result: _Result) -> bool:
    step = result.step
    return result.failed or (step is not None and step.ended and step.phase is not Phase.SUCCEEDED)


def _ask_all(
    access: Access, orders: Sequence[Order], *, tell: bool
) -> tuple[list[_Result], Failure | None]:
    """One by one, and why the rest was not asked for, should the server go away midway."""
    results: list[_Result] = []
    lost: NoAccess | None = None
    # Of the first one nobody knows whether it has come there.
    said = "may not have been asked for"
    for order in orders:
        try:
            if lost is not None and order.chosen.ask:
                raise lost
            results.append(_ask(access, order))
        except NoAccess as error:
            lost = error
            results.append(_Result(order, f"{said}: {lost.message}", True))
            said = "not asked for"
        if tell:
            # At once: it is known at any time what was asked for.
            click.echo(f"{access.label(order.integration)} {results[-1].said}")
    return results, lost


def _ask(access: Access, order: Order) -> _Result:
    integration, chosen = order.integration, order.chosen
    run = integration.status.run
    now = access.cluster.now()
    if not chosen.ask:
        going_on = run.number if chosen.follow and run is not None else None
        asked = _asked(integration, None, now, going_on) if going_on else None
        return _Result(order, chosen.why, chosen.failed, asked)
    token = requests.token(now)
    try:
        requests.ask(access.cluster, integration, order.mode, token, order.since)
    except ApiFailure as error:
        return _Result(order, f"could not be asked for: {error.message}", True)
    since = f" since {order.since}" if order.since else ""
    behind = f", after run {run.number} that goes on" if run is not None and run.running else ""
    said = f"{order.mode}{since} requested{behind}"
    return _Result(order, said, False, _asked(integration, token, now, None))


def _asked(integration: Integration, token: str | None, now: datetime, run: int | None) -> Asked:
    return Asked(integration.uid, integration.namespace, integration.name, token, now, run)


def _wait(access: Access, facts: Facts, results: Sequence[_Result], timeout: float | None) -> None:
    """Until each has ended, or the time is over. What has ended stays as it was then."""
    asked = [r.asked for r in results if r.asked is not None]
    namespaces = {a.namespace for a in asked}
    cluster = access.cluster
    follower = Follower(
        cluster,
        kinds.INTEGRATION,
        namespaces.pop() if len(namespaces) == 1 else None,
        # Of one among thousands the others are not read.
        field_selector=f"metadata.name={asked[0].name}" if len(asked) == 1 else None,
    )
    liveness = Liveness(cluster, access.scheduler)
    ends = None if timeout is None else time.monotonic() + timeout
    steps: dict[str, Step] = {}
    parsed = Parsed()
    known = False
    try:
        with live.Progress(asked, everywhere=cluster.everywhere, silence=facts.silence) as view:
            for change in follower.changes(_TICK_SECONDS):
                if change.objects is not None:
                    parsed.update(change.objects)
                    known = True
                now = cluster.now()
                silence = liveness.silence(now)
                if known:
                    _judge(asked, steps, parsed, facts, now, silence)
                view.update(steps, now, change.trouble, silence)
                if len(steps) == len(asked) and all(step.ended for step in steps.values()):
                    break
                if ends is not None and time.monotonic() >= ends:
                    break
    finally:
        for result in results:
            result.step = steps.get(result.uid)


def _judge(
    asked: Sequence[Asked],
    steps: dict[str, Step],
    parsed: Parsed,
    facts: Facts,
    now: datetime,
    silence: str,
) -> None:
    for each in asked:
        before = steps.get(each.uid)
        if before is not None and before.ended:
            continue
        integration = parsed.get(each.uid)
        plugin = facts.plugins.get(integration.spec.service) if integration is not None else None
        steps[each.uid] = progress.of(each, integration, plugin, now, silence)


def _tell_end(access: Access, results: Sequence[_Result]) -> None:
    """The counts, and a line for each that did not succeed."""
    steps = {r.uid: r.step for r in results if r.step is not None}
    rest = [r for r in results if r.step is not None and r.step.phase is not Phase.SUCCEEDED]
    if rest:
        now = access.cluster.now()
        rows = [
            (
                access.label(r.order.integration),
                r.step.phase,
                ahead(r.step.next_at, now),
                r.step.message,
            )
            for r in rest
            if r.step is not None
        ]
        table.show(("NAME", "STATE", "NEXT ATTEMPT", "MESSAGE"), rows)
    click.echo(live.summary(steps))


def _document(result: _Result) -> dict[str, Any]:
    integration, step = result.order.integration, result.step
    return outputs.without_nothing(
        {
            "namespace": integration.namespace,
            "name": integration.name,
            "requested": result.order.chosen.ask and not result.failed,
            "mode": result.order.mode.value if result.order.chosen.ask else None,
            "since": result.order.since,
            "request": result.asked.token if result.asked else None,
            "message": step.message if step else result.said,
            "phase": step.phase.value if step else None,
            "run": step.run if step else None,
            "attempt": step.attempt if step else None,
            "rows": step.rows if step else None,
            "nextUpdateAt": timestamps.dump(step.next_at) if step else None,
        }
    )


def orders(
    found: Found, choose: Callable[[Integration], Chosen], mode: Mode, since: str | None = None
) -> list[Order]:
    """One for each that was found."""
    return [Order(i, choose(i), mode, since) for i in found.integrations]
