"""What ``doctor`` looks at. Not to be allowed to look is an answer, too."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, TypeVar

from spark_cli.decide import health, written
from spark_cli.decide.health import Place, Right, Where
from spark_cli.gather import facts, kinds
from spark_cli.gather.cluster import ApiFailure, Cluster
from spark_operator.decide import validity
from spark_operator.model import fields, names
from spark_operator.model import integration as integrations
from spark_operator.model import plugin as plugins
from spark_operator.model import scheduler as schedulers
from spark_operator.model.destination import Destination
from spark_operator.model.integration import Integration
from spark_operator.model.plugin import Plugin
from spark_operator.model.scheduler import Scheduler

_T = TypeVar("_T")
_REVIEWS = "/apis/authorization.k8s.io/v1"


def version(cluster: Cluster) -> str:
    return fields.text(cluster.ask("GET", "/version").get("gitVersion"), "unknown version")


def served(cluster: Cluster) -> list[str]:
    """The plurals of our kinds that the API server serves, by its discovery document."""
    try:
        found = cluster.ask("GET", f"/apis/{names.API_VERSION}")
    except ApiFailure as error:
        if error.not_found:
            return []
        raise
    return [fields.text(r.get("name")) for r in fields.items(found.get("resources"))]


def crds(cluster: Cluster, ours: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The cluster's, by kind, as far as we may read them."""
    found = {}
    for kind, crd in ours.items():
        try:
            body = cluster.find(kinds.CRD, crd["metadata"]["name"])
        except ApiFailure as error:
            if not error.forbidden:
                raise
            continue
        if body is not None:
            found[kind] = body
    return found


def granted(cluster: Cluster, rights: Sequence[Right]) -> list[tuple[Right, bool]]:
    """Which rights we have."""
    return [
        (right, _review(cluster, "selfsubjectaccessreviews", {}, right, None)) for right in rights
    ]


def granted_to(
    cluster: Cluster, user: str, scheduler: Scheduler, rights: Sequence[Right]
) -> list[tuple[Right, bool]] | None:
    """Which rights the operator of this Scheduler has as ``user``; None where we may not ask."""
    try:
        return [
            (right, _review(cluster, "subjectaccessreviews", {"user": user}, right, scheduler))
            for right in rights
        ]
    except ApiFailure as error:
        if error.forbidden:
            return None
        raise


def _review(
    cluster: Cluster,
    plural: str,
    subject: dict[str, str],
    right: Right,
    scheduler: Scheduler | None,
) -> bool:
    kind = "SelfSubjectAccessReview" if plural.startswith("self") else "SubjectAccessReview"
    namespace = {
        Where.CHOSEN: cluster.scope or "",
        Where.EVERYWHERE: "",
        Where.OWN: scheduler.namespace if scheduler is not None else "",
    }[right.where]
    attributes = {
        "verb": right.verb,
        "group": right.group,
        "resource": right.resource,
        "subresource": right.subresource,
        "namespace": namespace,
        "name": scheduler.name if right.named and scheduler is not None else "",
    }
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": kind,
        "spec": {**subject, "resourceAttributes": attributes},
    }
    answer = cluster.ask("POST", f"{_REVIEWS}/{plural}", body=body)
    return fields.mapping(answer.get("status")).get("allowed") is True


@dataclass
class Read:
    """The objects of the installation, and of the chosen namespaces; None is what we may not list.

    ``clock_ahead``: by how much the operator's clock is before the API server's, where it is known.
    """

    scheduler: Scheduler | None
    scheduler_hidden: bool
    checked_at: datetime | None
    clock_ahead: timedelta | None
    lease: dict[str, Any] | None
    lease_hidden: bool
    plugins: list[Plugin] | None
    integrations: list[Integration] | None = None

    def places(self) -> list[Place]:
        """The destinations in use, each once; of nobody yet, none."""
        default = self.scheduler or Scheduler("", "", "", 0)
        found = {
            Place(i.namespace, _bare(validity.effective_destination(i, default))): None
            for i in self.integrations or ()
            # The default of one that is hidden is not known.
            if i.spec.destination is not None or not self.scheduler_hidden
        }
        return list(found)


def _bare(target: Destination) -> Destination:
    """Without the dataset: it is made by the fetch."""
    return replace(target, dataset=None)


def read(cluster: Cluster, wanted: tuple[str, str] | None) -> Read:
    """What we may not see is said to be hidden: each is looked at for itself."""
    body, hidden = _scheduler(cluster, wanted)
    scheduler = schedulers.parse(body) if body is not None else None
    lease, lease_hidden = None, False
    if scheduler is not None:
        try:
            lease = cluster.find(kinds.LEASE, scheduler.name, scheduler.namespace)
        except ApiFailure as error:
            if not error.forbidden:
                raise
            lease_hidden = True
    ahead = written.ahead(lease or {}, *health.RENEWED)
    if ahead is None:
        ahead = written.ahead(body or {}, *health.CHECKED)
    return Read(
        scheduler=scheduler,
        scheduler_hidden=hidden,
        checked_at=facts.checked_at(body),
        clock_ahead=ahead,
        lease=lease,
        lease_hidden=lease_hidden,
        plugins=_all(cluster, kinds.PLUGIN, None, plugins.parse),
        integrations=_all(cluster, kinds.INTEGRATION, cluster.scope, integrations.parse),
    )


def _scheduler(
    cluster: Cluster, wanted: tuple[str, str] | None
) -> tuple[dict[str, Any] | None, bool]:
    """The body, and whether it is hidden from us."""
    try:
        body, note = facts.scheduler_body(cluster, wanted)
    except ApiFailure as error:
        if not error.forbidden:
            raise
        return None, True
    return body, body is None and bool(note)


def _all(
    cluster: Cluster, kind: kinds.Kind, namespace: str | None, parse: Callable[[Any], _T]
) -> list[_T] | None:
    nothing: list[dict[str, Any]] | None = None
    bodies = facts.if_allowed(lambda: cluster.list(kind, namespace), nothing)
    if bodies is None:
        return None
    return [parse(b) for b in sorted(bodies, key=lambda body: str(body["metadata"]["name"]))]


def operator_account(cluster: Cluster, found: Read) -> str | None:
    """The account of the pod that leads, as a user; its name begins the identity in the Lease."""
    if found.scheduler is None or found.lease is None:
        return None
    holder = fields.text(fields.mapping(found.lease.get("spec")).get("holderIdentity"))
    pod_name = holder.rpartition("_")[0]
    if not pod_name:
        return None
    namespace = found.scheduler.namespace
    try:
        pod = cluster.find(kinds.POD, pod_name, namespace)
    except ApiFailure as error:
        if error.forbidden:
            return None
        raise
    account = fields.text(fields.mapping((pod or {}).get("spec")).get("serviceAccountName"))
    return f"system:serviceaccount:{namespace}:{account}" if account else None


@lru_cache(maxsize=4096)
def secret_keys(cluster: Cluster, namespace: str, name: str) -> tuple[list[str] | None, bool]:
    """The names of its keys (None: there is none of that name), and whether we may look."""
    try:
        body = cluster.find(kinds.SECRET, name, namespace)
    except ApiFailure as error:
        if error.forbidden:
            return None, False
        raise
    return (None if body is None else sorted(fields.mapping(body.get("data")))), True


def claim(cluster: Cluster, namespace: str, name: str) -> tuple[dict[str, Any] | None, bool]:
    """The PersistentVolumeClaim, and whether we may look."""
    try:
        return cluster.find(kinds.VOLUME_CLAIM, name, namespace), True
    except ApiFailure as error:
        if error.forbidden:
            return None, False
        raise
