"""Jobs: create by a name that can exist only once, read, list, delete."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from spark_operator.act import paths
from spark_operator.act.api import Api, ApiError
from spark_operator.model import fields, names
from spark_operator.model import job as model
from spark_operator.model.job import Job

SELECTOR = f"{names.LABEL_MANAGED_BY}={names.MANAGED_BY}"


class NotOurs(Exception):
    """A Job of that name exists and another owner controls it."""


async def create(api: Api, manifest: Mapping[str, Any], owner_uid: str) -> Job:
    """Make the Job, or adopt the one that is there already under that name and owner.

    If we die after the server made it, the next create of the same name ends here too.
    Raises NotOurs, ApiError, NoAnswer, Fenced.
    """
    namespace, name = manifest["metadata"]["namespace"], manifest["metadata"]["name"]
    try:
        return model.parse(await api.write("POST", paths.collection("jobs", namespace), manifest))
    except ApiError as error:
        if not error.conflict or error.reason != "AlreadyExists":
            raise
    existing = await read(api, namespace, name)
    if existing is None:
        # It went between the two answers. The caller asks again.
        raise ApiError(503, "Raced", f'Job "{name}" existed a moment ago and is gone')
    if existing.owner_uid != owner_uid:
        raise NotOurs(name)
    return existing


async def read(api: Api, namespace: str, name: str) -> Job | None:
    """The Job as the API server has it now, or None where it is gone."""
    try:
        return model.parse(await api.get(paths.job(namespace, name)))
    except ApiError as error:
        if error.not_found:
            return None
        raise


async def all_of_ours(
    api: Api, namespaces: tuple[str | None, ...]
) -> AsyncIterator[Mapping[str, Any]]:
    """The body of every Job with our label; ``(None,)`` means all namespaces."""
    for namespace in namespaces:
        path = paths.collection("jobs", namespace)
        async for page in api.pages(path, {"labelSelector": SELECTOR}):
            for body in fields.items(page.get("items")):
                yield body


async def delete(api: Api, job: Job, *, foreground: bool) -> bool:
    """Delete exactly this Job; one made anew under its name stays. False where it was gone already.

    Without a propagationPolicy the default of batch/v1 would orphan the pods.
    """
    body = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": "Foreground" if foreground else "Background",
        "preconditions": {"uid": job.uid},
    }
    try:
        await api.write("DELETE", paths.job(job.namespace, job.name), body)
    except ApiError as error:
        if not (error.not_found or error.conflict):
            raise
        return False
    return True
