"""Whether a PersistentVolumeClaim exists: a pod that mounts a missing one would hang in silence."""

from spark_operator.act import paths
from spark_operator.act.api import Api, ApiError


async def exists(api: Api, namespace: str, name: str) -> bool:
    try:
        await api.get(paths.volume_claim(namespace, name))
    except ApiError as error:
        if error.not_found:
            return False
        raise
    return True
