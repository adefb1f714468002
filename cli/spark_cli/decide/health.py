"""Whether an installation is in order, judged from what was read of it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from spark_cli.decide import state, written
from spark_operator.decide import schedule, validity
from spark_operator.model import fields
from spark_operator.model.destination import Destination
from spark_operator.model.integration import Integration
from spark_operator.model.plugin import Plugin
from spark_operator.model.record import record
from spark_operator.model.scheduler import Scheduler

# Below it nothing that the operator decides is off by more than it rounds away.
CLOCK_TOLERANCE = timedelta(seconds=5)
# What the operator writes anew as long as it lives: in its Lease, and in its Scheduler.
RENEWED = ("spec", "renewTime")
CHECKED = ("status", "lastCheckAt")
REQUIRED_KEYS = {
    "postgres": ("host", "dbname", "username", "password"),
    "filesystem": ("access_key_id", "secret_access_key"),
}


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@record(frozen=True, slots=True)
class Finding:
    """``subject`` is what was looked at; ``message`` says what to do where it is not in order."""

    level: Level
    subject: str
    message: str


def _ok(subject: str, message: str) -> Finding:
    return Finding(Level.OK, subject, message)


def crds(
    served: Iterable[str],
    found: Mapping[str, Mapping[str, Any]],
    ours: Mapping[str, Mapping[str, Any]],
) -> list[Finding]:
    """``served``: plurals in the discovery document; ``found`` and ``ours``: CRDs by kind, the
    cluster's as far as we may read them, and those of this version."""
    findings = []
    known = set(served)
    for kind, crd in sorted(ours.items()):
        plural = crd["spec"]["names"]["plural"]
        subject = f"CRD {crd['metadata']['name']}"
        if plural not in known:
            findings.append(
                Finding(
                    Level.FAIL,
                    subject,
                    "is not served: kubectl apply --server-side -f charts/spark-integrations/crds",
                )
            )
        elif kind in found and _schemas(found[kind]) != _schemas(crd):
            findings.append(
                Finding(
                    Level.WARN,
                    subject,
                    "is of another version than this command: bring both to the same one",
                )
            )
        else:
            findings.append(_ok(subject, "is served"))
    return findings


def _schemas(crd: Mapping[str, Any]) -> dict[str, Any]:
    """Names and types of all fields, by version: descriptions may differ."""
    return {
        version["name"]: _shape(fields.mapping(version.get("schema")).get("openAPIV3Schema"))
        for version in fields.items(fields.mapping(crd.get("spec")).get("versions"))
    }


def _shape(schema: Any) -> Any:
    node = fields.mapping(schema)
    shape: dict[str, Any] = {"type": node.get("type")}
    if properties := fields.mapping(node.get("properties")):
        shape["properties"] = {name: _shape(part) for name, part in properties.items()}
    if items := node.get("items"):
        shape["items"] = _shape(items)
    return shape


def clock(local_ahead: timedelta, operator_ahead: timedelta | None) -> list[Finding]:
    """``local_ahead``: by how much the API server's clock is before this machine's. ``operator_ahead``:
    by how much the operator's is before the API server's; None: not known."""
    findings = []
    seconds = abs(local_ahead).total_seconds()
    if seconds > CLOCK_TOLERANCE.total_seconds():
        where = "behind" if local_ahead > timedelta(0) else "ahead of"
        findings.append(
            Finding(
                Level.WARN,
                "clock of this machine",
                f"is {seconds:.0f} s {where} the API server's; what is shown here is corrected by that",
            )
        )
    else:
        findings.append(_ok("clock of this machine", "agrees with the API server's"))
    if operator_ahead is None:
        return findings
    if abs(operator_ahead) > CLOCK_TOLERANCE:
        where = "ahead of" if operator_ahead > timedelta(0) else "behind"
        off = abs(operator_ahead).total_seconds()
        findings.append(
            Finding(
                Level.FAIL,
                "clock of the operator",
                f"is {off:.0f} s {where} the API server's: set the time of its node (NTP)",
            )
        )
    else:
        findings.append(_ok("clock of the operator", "agrees with the API server's"))
    return findings


def scheduler(found: Scheduler | None, checked: datetime | None, now: datetime) -> Finding:
    """Whether there is one, and somebody checks by it."""
    if found is None:
        return Finding(
            Level.FAIL,
            "Scheduler",
            "there is none, so nothing is fetched: helm upgrade --install makes it",
        )
    subject = f"Scheduler {found.namespace}/{found.name}"
    said = state.silence(found, checked, now)
    checked = schedule.sane(checked, now)
    if checked is None or now - checked > state.SILENCE:
        return Finding(
            Level.FAIL,
            subject,
            f"{said.partition(':')[0].partition(' (')[0].rstrip('.')}: look at the operator's pods with "
            f"kubectl get pods -n {found.namespace} and their logs",
        )
    if found.suspend:
        return Finding(
            Level.WARN,
            subject,
            f"is suspended: kubectl patch scheduler {found.name} -n {found.namespace} --type=merge "
            '-p \'{"spec":{"suspend":false}}\'',
        )
    return _ok(subject, f"was checked at {checked:%Y-%m-%dT%H:%M:%SZ}")


def lease(body: Mapping[str, Any] | None, name: str, now: datetime) -> Finding:
    """Whether somebody leads."""
    subject = f"Lease {name}"
    spec = fields.mapping((body or {}).get("spec"))
    holder = fields.text(spec.get("holderIdentity"))
    if not holder:
        return Finding(
            Level.FAIL, subject, "nobody leads: is a pod of the operator ready? See its log"
        )
    renewed = schedule.sane(written.when(body or {}, *RENEWED), now)
    length = timedelta(seconds=fields.integer(spec.get("leaseDurationSeconds"), 15))
    if renewed is None or now - renewed > length + CLOCK_TOLERANCE:
        said = f"{renewed:%Y-%m-%dT%H:%M:%SZ}" if renewed else "never"
        return Finding(
            Level.FAIL,
            subject,
            f"{holder} held it, and has not renewed it since {said}: no replica of the operator is alive",
        )
    return _ok(subject, f"{holder} leads")


def plugins(found: Sequence[Plugin], integrations: Sequence[Integration]) -> list[Finding]:
    """Whether each service that is used is there, and its schema is one."""
    findings = []
    known = {plugin.name for plugin in found}
    missing = sorted({i.spec.service for i in integrations} - known)
    for service in missing:
        used = sum(i.spec.service == service for i in integrations)
        findings.append(
            Finding(
                Level.FAIL,
                f"Plugin {service}",
                f"is not there, and {used} Integration{'s' * (used != 1)} of it cannot be fetched",
            )
        )
    for plugin in found:
        fault = validity.Schema(plugin).fault()
        if fault is not None:
            findings.append(Finding(Level.FAIL, f"Plugin {plugin.name}", fault))
    if not findings:
        findings.append(_ok("Plugins", f"each service in use is among the {len(found)} there are"))
    return findings


@record(frozen=True, slots=True)
class Place:
    """One destination, as Integrations of a namespace use it."""

    namespace: str
    target: Destination


def destination(
    place: Place, *, secret_keys: Sequence[str] | None, claim: Mapping[str, Any] | None, seen: bool
) -> Finding:
    """``secret_keys`` None: there is no such Secret; ``claim`` None: no such claim. ``seen`` False: we
    may not look."""
    target = place.target
    named = target.secret_name or target.volume_claim or ""
    kind = "Secret" if target.secret_keys else "PersistentVolumeClaim"
    subject = f"destination {target.type}, {kind} {place.namespace}/{named}"
    if problem := validity.destination_problem(target):
        return Finding(Level.FAIL, subject, problem)
    if not seen:
        return Finding(Level.WARN, subject, f"cannot be looked at: you may not read that {kind}")
    if target.secret_keys:
        if secret_keys is None:
            return Finding(Level.FAIL, subject, "is not there: create it")
        lacking = [k for k in REQUIRED_KEYS.get(target.type, ()) if k not in secret_keys]
        if lacking:
            return Finding(Level.FAIL, subject, f"lacks {', '.join(lacking)}")
        return _ok(subject, "has its keys")
    if claim is None:
        return Finding(Level.FAIL, subject, "is not there: create it, or name another destination")
    phase = fields.text(fields.mapping(claim.get("status")).get("phase"), "Pending")
    if phase == "Lost":
        return Finding(Level.FAIL, subject, "has lost its volume")
    # Some classes bind with the first pod.
    return _ok(subject, f"is {phase}")


def credentials(
    integration: Integration, plugin: Plugin, keys: Sequence[str] | None
) -> Finding | None:
    """Of an Integration's Secret; None where it is in order."""
    required = [key.name for key in plugin.credentials if key.required]
    subject = f"credentials of {integration.namespace}/{integration.name}"
    secret = integration.spec.credentials_secret_name
    if not required:
        return None
    if secret is None:
        return Finding(Level.FAIL, subject, "spec.credentialsSecretName is missing")
    if keys is None:
        return Finding(Level.FAIL, subject, f"Secret {secret} is not there")
    lacking = [key for key in required if key not in keys]
    if lacking:
        return Finding(Level.FAIL, subject, f"Secret {secret} lacks {', '.join(lacking)}")
    return None


class Where(StrEnum):
    """For which objects a right is asked about, as they are read and written."""

    CHOSEN = "in the chosen namespaces"
    EVERYWHERE = "in all namespaces"
    # By the operator, of its own name where ``named``.
    OWN = "in the namespace of the operator"


@record(frozen=True, slots=True)
class Right:
    """One thing that somebody must be allowed to do, and what for.

    ``named``: of the one object that bears the operator's name.
    """

    verb: str
    group: str
    resource: str
    what_for: str
    subresource: str = ""
    needed: bool = True
    where: Where = Where.CHOSEN
    named: bool = False


_SPARK = "spark-integrations.dev"
# What the commands need of the user; what is not needed by all is a warning.
OF_THE_USER = (
    Right("list", _SPARK, "integrations", "every command"),
    Right("get", _SPARK, "integrations", "every command that names one"),
    Right("watch", _SPARK, "integrations", "fetch --wait, list --watch", needed=False),
    Right("patch", _SPARK, "integrations", "fetch, retry, suspend", needed=False),
    Right("list", _SPARK, "plugins", "check, plugins", needed=False, where=Where.EVERYWHERE),
    Right("list", _SPARK, "schedulers", "check, schedule", needed=False, where=Where.EVERYWHERE),
    Right("list", "batch", "jobs", "check, history, logs, flush", needed=False),
    Right("delete", "batch", "jobs", "flush", needed=False),
    Right("list", "", "pods", "history, logs", needed=False),
    Right("get", "", "pods", "logs", subresource="log", needed=False),
    Right("list", "", "events", "status NAME", needed=False),
    Right("get", "", "persistentvolumeclaims", "check, doctor", needed=False),
    Right("get", "", "secrets", "run --name, doctor", needed=False),
)


def _everywhere(
    group: str, resource: str, what_for: str, *verbs: str, subresource: str = ""
) -> tuple[Right, ...]:
    return tuple(
        Right(verb, group, resource, what_for, subresource, where=Where.EVERYWHERE)
        for verb in verbs
    )


# As the chart grants it (templates/rbac.yaml), no more and no less.
OF_THE_OPERATOR = (
    *_everywhere(_SPARK, "integrations", "to watch", "get", "list", "watch"),
    *_everywhere(_SPARK, "plugins", "to watch", "list", "watch"),
    *_everywhere(_SPARK, "schedulers", "to watch", "list", "watch"),
    *_everywhere(_SPARK, "integrations", "states", "patch", subresource="status"),
    *_everywhere("batch", "jobs", "fetches", "create", "get", "list", "watch", "delete"),
    *_everywhere("", "pods", "outcomes", "list"),
    *_everywhere("", "persistentvolumeclaims", "destinations", "get"),
    *_everywhere("", "events", "Events", "create"),
    Right("create", "coordination.k8s.io", "leases", "to lead", where=Where.OWN),
    Right("get", "coordination.k8s.io", "leases", "to lead", where=Where.OWN, named=True),
    Right("update", "coordination.k8s.io", "leases", "to lead", where=Where.OWN, named=True),
    Right("patch", _SPARK, "schedulers", "its report", "status", where=Where.OWN, named=True),
)


def rights(who: str, wanted: Sequence[tuple[Right, bool]]) -> list[Finding]:
    """``wanted``: each right, and whether it is granted; ``who`` as in "your rights"."""
    lacking = [right for right, granted in wanted if not granted]
    if not lacking:
        return [_ok(who, f"all {len(wanted)} are granted")]
    return [
        Finding(
            Level.FAIL if right.needed else Level.WARN,
            who,
            f"may not {right.verb} {_resource(right)}, needed for: {right.what_for}",
        )
        for right in lacking
    ]


def _resource(right: Right) -> str:
    name = f"{right.resource}.{right.group}" if right.group else right.resource
    return f"{name}/{right.subresource}" if right.subresource else name
