"""The kinds that the commands read, and where they are in the API."""

from dataclasses import dataclass
from urllib.parse import quote

from spark_operator.model import names


@dataclass(frozen=True)
class Kind:
    """One kind; ``short`` is what a message calls it."""

    base: str
    plural: str
    short: str
    namespaced: bool = True

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """Of one object, or of a collection in one namespace (None: in all)."""
        within = f"/namespaces/{quote(namespace, safe='')}" if namespace and self.namespaced else ""
        ending = f"/{quote(name, safe='')}" if name else ""
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
