"""The kinds that the commands read, and where they are in the API."""

import re
from dataclasses import dataclass

from spark_cli.exits import Failure
from spark_operator.model import names
from spark_operator.model.result import clean

_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_NAMESPACE = re.compile(_LABEL)
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")


def is_namespace(text: str) -> bool:
    """Whether a namespace can be called so (a DNS label)."""
    return _NAMESPACE.fullmatch(text) is not None


def is_name(text: str) -> bool:
    """Whether an object can be called so (a DNS subdomain)."""
    return len(text) <= 253 and _NAME.fullmatch(text) is not None


@dataclass(frozen=True)
class Kind:
    """One kind; ``short`` is what a message calls it."""

    base: str
    plural: str
    short: str
    namespaced: bool = True

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """Of one object, or of a collection in one namespace (None: in all).

        Raises Failure for what can be no name: ``..`` would be taken out of the path on its way, and
        with it what was meant.
        """
        if namespace is not None and self.namespaced and not is_namespace(namespace):
            raise Failure(f'"{clean(namespace, 63)}" can be the name of no namespace')
        if name is not None and not is_name(name):
            raise Failure(f'"{clean(name, 63)}" can be the name of no {self.short}')
        within = f"/namespaces/{namespace}" if namespace is not None and self.namespaced else ""
        ending = f"/{name}" if name is not None else ""
        return f"{self.base}{within}/{self.plural}{ending}"

    @property
    def resource(self) -> str:
        """``plural.group``, as messages of kubectl have it."""
        group = self.base.split("/")[2] if self.base.startswith("/apis/") else ""
        return f"{self.plural}.{group}" if group else self.plural


_SPARK = f"/apis/{names.API_VERSION}"
INTEGRATION = Kind(_SPARK, "integrations", "integration")
PLUGIN = Kind(_SPARK, "plugins", "plugin", namespaced=False)
SCHEDULER = Kind(_SPARK, "schedulers", "scheduler")
JOB = Kind("/apis/batch/v1", "jobs", "job")
POD = Kind("/api/v1", "pods", "pod")
EVENT = Kind("/api/v1", "events", "event")
SECRET = Kind("/api/v1", "secrets", "secret")
NAMESPACE = Kind("/api/v1", "namespaces", "namespace", namespaced=False)
VOLUME_CLAIM = Kind("/api/v1", "persistentvolumeclaims", "persistentvolumeclaim")
LEASE = Kind("/apis/coordination.k8s.io/v1", "leases", "lease")
CRD = Kind(
    "/apis/apiextensions.k8s.io/v1",
    "customresourcedefinitions",
    "customresourcedefinition",
    namespaced=False,
)
