"""``doctor``: whether the installation is in order, and what to do where it is not."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import click

from spark_cli.commands.options import Access, connected, output
from spark_cli.decide import health
from spark_cli.decide.health import Finding, Level, Place, Right
from spark_cli.exits import Exit, Failure
from spark_cli.gather import diagnosis, manifests
from spark_cli.show import output as outputs
from spark_cli.show import table


@click.command("doctor")
@output("json", "yaml")
@connected
def doctor_command(access: Access, form: str | None) -> int:
    """Look whether the installation is in order.

    CRDs, rights, Scheduler, Lease, clocks, Plugins, destinations and credentials.

    Exits with 1 where something is broken. Of Secrets the names of the keys are looked at, no more.
    """
    findings: list[Finding] = []
    try:
        for finding in _findings(access):
            findings.append(finding)
    except Failure as error:
        if not findings:
            raise
        # What is known by now may be what says why.
        said = f"could look no further: {error.message}"
        findings.append(Finding(Level.FAIL, "doctor", said))
    if form is not None:
        outputs.document(
            [{"level": f.level, "subject": f.subject, "message": f.message} for f in findings], form
        )
    else:
        table.show(
            ("LEVEL", "SUBJECT", "MESSAGE"), [(f.level, f.subject, f.message) for f in findings]
        )
    return Exit.FAILED if any(f.level is Level.FAIL for f in findings) else Exit.OK


def _findings(access: Access) -> Iterator[Finding]:
    """In the order in which they are found."""
    cluster = access.cluster
    served = diagnosis.served(cluster)
    yield Finding(Level.OK, "API server", f"{cluster.server}, {diagnosis.version(cluster)}")
    ours = manifests.bundled_crds()
    crds = health.crds(served, diagnosis.crds(cluster, ours), ours)
    yield from crds
    if any(f.level is Level.FAIL for f in crds):
        # Everything else is about objects that cannot be there.
        yield from health.clock(cluster.ahead, None)
        return
    yield from health.rights("your rights", diagnosis.granted(cluster, health.OF_THE_USER))
    read = diagnosis.read(cluster, access.scheduler)
    now = cluster.now()
    if read.scheduler_hidden:
        said = "cannot be looked at: you may not read Schedulers"
        yield Finding(Level.WARN, "Scheduler", said)
    else:
        yield health.scheduler(read.scheduler, read.checked_at, now)
    yield from _lease(read, now)
    yield from health.clock(cluster.ahead, read.clock_ahead)
    yield from _operator(access, read)
    yield from _hidden(access, read)
    if read.plugins is not None:
        yield from health.plugins(read.plugins, read.integrations or ())
    yield from _destinations(access, read)
    yield from _credentials(access, read)


def _hidden(access: Access, read: diagnosis.Read) -> Iterator[Finding]:
    if read.plugins is None:
        said = (
            "cannot be looked at: you may not list them, which takes a role for the whole cluster"
        )
        yield Finding(Level.WARN, "Plugins", said)
    if read.integrations is None:
        where = "of all namespaces" if access.cluster.everywhere else "here"
        said = f"cannot be looked at: you may not list those {where}"
        yield Finding(Level.WARN, "Integrations", said)


def _lease(read: diagnosis.Read, now: datetime) -> list[Finding]:
    if read.scheduler is None:
        return []
    name = f"{read.scheduler.namespace}/{read.scheduler.name}"
    if read.lease_hidden:
        said = "cannot be looked at: you may not read it"
        return [Finding(Level.WARN, f"Lease {name}", said)]
    return [health.lease(read.lease, name, now)]


def _operator(access: Access, read: diagnosis.Read) -> list[Finding]:
    """By the account of the pod that leads."""
    account = diagnosis.operator_account(access.cluster, read)
    if account is None or read.scheduler is None:
        return [
            Finding(
                Level.WARN,
                "rights of the operator",
                "cannot be looked at: the pod that leads is not seen from here",
            )
        ]
    granted: Sequence[tuple[Right, bool]] | None = diagnosis.granted_to(
        access.cluster, account, read.scheduler, health.OF_THE_OPERATOR
    )
    if granted is None:
        said = "cannot be looked at: you may not create subjectaccessreviews"
        return [Finding(Level.WARN, "rights of the operator", said)]
    return health.rights(f"rights of the operator ({account})", granted)


def _destinations(access: Access, read: diagnosis.Read) -> list[Finding]:
    findings = []
    for place in read.places():
        findings.append(_destination(access, place))
    return findings


def _destination(access: Access, place: Place) -> Finding:
    target, cluster = place.target, access.cluster
    if target.secret_keys and target.secret_name:
        keys, seen = diagnosis.secret_keys(cluster, place.namespace, target.secret_name)
        return health.destination(place, secret_keys=keys, claim=None, seen=seen)
    if target.volume_claim:
        claim, seen = diagnosis.claim(cluster, place.namespace, target.volume_claim)
        return health.destination(place, secret_keys=None, claim=claim, seen=seen)
    return health.destination(place, secret_keys=None, claim=None, seen=True)


def _credentials(access: Access, read: diagnosis.Read) -> list[Finding]:
    by_name = {plugin.name: plugin for plugin in read.plugins or ()}
    findings: list[Finding] = []
    looked = unseen = 0
    for integration in read.integrations or ():
        plugin = by_name.get(integration.spec.service)
        secret = integration.spec.credentials_secret_name
        wanted = plugin is not None and any(key.required for key in plugin.credentials)
        if plugin is None or not plugin.credentials or not (wanted or secret):
            continue
        looked += 1
        keys: list[str] | None = None
        if secret is not None:
            keys, seen = diagnosis.secret_keys(access.cluster, integration.namespace, secret)
            if not seen:
                unseen += 1
                continue
        if finding := health.credentials(integration, plugin, keys):
            findings.append(finding)
    if unseen:
        said = f"{unseen} cannot be looked at: you may not read Secrets"
        findings.append(Finding(Level.WARN, "credentials", said))
    elif looked and not findings:
        said = f"the Secrets of {looked} Integration{'s' * (looked != 1)} have their keys"
        findings.append(Finding(Level.OK, "credentials", said))
    return findings
