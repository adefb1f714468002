"""Jobs of fetches and their pods."""

from collections.abc import Sequence
from typing import Any

from spark_cli.gather import kinds
from spark_cli.gather.cluster import Cluster
from spark_operator.model import job as jobs
from spark_operator.model import names
from spark_operator.model.job import Job

# As many uids as a URL holds with ease.
_FEW = 50
_OURS = f"{names.LABEL_MANAGED_BY}={names.MANAGED_BY}"


def jobs_by_owner(
    cluster: Cluster, namespace: str | None, only: Sequence[str] | None = None
) -> dict[str, list[Job]]:
    """All Jobs of ours in a namespace (None: in all), by the uid of their Integration; ``only`` these,
    where few are meant."""
    selector = _OURS
    if only is not None and len(only) <= _FEW:
        if not only:
            return {}
        selector += f",{names.LABEL_INTEGRATION_UID} in ({','.join(only)})"
    found: dict[str, list[Job]] = {}
    for body in cluster.list(kinds.JOB, namespace, selector=selector):
        parsed = jobs.parse(body)
        found.setdefault(parsed.owner_uid, []).append(parsed)
    return found


def pods_of(cluster: Cluster, job: Job) -> list[dict[str, Any]]:
    """The pods of this very Job; a pod of an older Job of that name tells nothing of it."""
    selector = f"batch.kubernetes.io/controller-uid={job.uid}"
    return cluster.list(kinds.POD, job.namespace, selector=selector)
