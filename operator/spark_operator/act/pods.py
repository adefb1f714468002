"""One look at the pods of a Job."""

from spark_operator.act import paths
from spark_operator.act.api import Api
from spark_operator.model import fields
from spark_operator.model import pod as model
from spark_operator.model.job import Job
from spark_operator.model.pod import PodReport


async def report(api: Api, job: Job) -> PodReport:
    """How the newest pod of this very Job ended, or why it does not start."""
    # By the uid of the Job, not by its name: a pod of an older Job of that name tells nothing.
    selector = f"batch.kubernetes.io/controller-uid={job.uid}"
    answer = await api.get(paths.pods(job.namespace), {"labelSelector": selector, "limit": "20"})
    return model.parse(fields.items(answer.get("items")))
