"""Deleting finished Jobs, with the rights of the user."""

from spark_cli.gather import kinds
from spark_cli.gather.cluster import ApiFailure, Cluster
from spark_operator.model.job import Job


def delete(cluster: Cluster, job: Job) -> bool:
    """Delete exactly this Job and its pods; False where it is gone already. Raises ApiFailure."""
    body = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        # Without it the default of batch/v1 would orphan the pods.
        "propagationPolicy": "Background",
        "preconditions": {"uid": job.uid},
    }
    try:
        cluster.send("DELETE", kinds.JOB.path(job.namespace, job.name), body=body)
    except ApiFailure as error:
        if error.not_found or error.conflict:
            return False
        raise
    return True
