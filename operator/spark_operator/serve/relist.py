"""A list of what exists, held against the cache: it removes ghosts, and says when the cache is whole.

kopf lists anew after a cut watch, but makes no DELETED events out of what is missing in the list.
"""

from collections.abc import Callable

from spark_operator.act import objects
from spark_operator.act.api import Api
from spark_operator.serve.cache import Cache

KINDS = (*objects.KINDS, "jobs")


async def relist(
    api: Api,
    cache: Cache,
    namespaces: tuple[str | None, ...],
    remove: Callable[[str, str], None],
) -> bool:
    """Call ``remove(kind, uid)`` for each ghost; whether every existing object is in the cache.

    Raises ApiError, NoAnswer.
    """
    whole = True
    for kind in KINDS:
        # Only what was cached before the list began can be a ghost: what came since is newer than
        # the list.
        before = cache.uids(kind)
        listed = {uid async for uid, _ in objects.existing(api, kind, namespaces)}
        for ghost in before - listed:
            remove(kind, ghost)
        if kind == "schedulers":
            # Those of other installations are ignored, so they are never in the cache.
            continue
        # One that cannot be read is reported as such; waiting for it would keep all others from it.
        whole = whole and listed <= cache.uids(kind) | cache.unreadable
    return whole
