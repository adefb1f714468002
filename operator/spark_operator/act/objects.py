"""What exists at all: which kinds are served, and the metadata of every object of ours."""

from collections.abc import AsyncIterator

from spark_operator.act import jobs, paths
from spark_operator.act.api import METADATA_ONLY, Api, ApiError
from spark_operator.model import fields

KINDS = ("integrations", "plugins", "schedulers")


async def missing_kinds(api: Api) -> tuple[str, ...]:
    """Those of our kinds that the API server does not serve yet."""
    try:
        served = await api.get(paths.resources())
    except ApiError as error:
        if error.not_found:
            return KINDS
        raise
    names = {
        fields.text(fields.mapping(r).get("name")) for r in fields.items(served.get("resources"))
    }
    return tuple(kind for kind in KINDS if kind not in names)


async def existing(
    api: Api, kind: str, namespaces: tuple[str | None, ...]
) -> AsyncIterator[tuple[str, int]]:
    """``(uid, resourceVersion)`` of every object of a kind, without its body."""
    params = {"labelSelector": jobs.SELECTOR} if kind == "jobs" else None
    for namespace in (None,) if kind == "plugins" else namespaces:
        path = paths.collection(kind, namespace)
        async for page in api.pages(path, params, METADATA_ONLY):
            for item in fields.items(page.get("items")):
                metadata = fields.mapping(item.get("metadata"))
                yield fields.text(metadata.get("uid")), fields.resource_version(metadata)
