"""Reads and compare-and-set writes of Integrations; the status subresource alone is written."""

from spark_operator.act import paths
from spark_operator.act.api import MERGE_PATCH, Api, ApiError
from spark_operator.model import integration as model
from spark_operator.model import status as status_model
from spark_operator.model.integration import Integration
from spark_operator.model.status import Status


async def read(api: Api, namespace: str, name: str) -> Integration | None:
    """The Integration as the API server has it now, or None where it is gone."""
    try:
        return model.parse(await api.get(paths.integration(namespace, name)))
    except ApiError as error:
        if error.not_found:
            return None
        raise


async def write_status(api: Api, integration: Integration, status: Status) -> Integration:
    """Replace the status, if the object is still the one that was decided upon.

    The resourceVersion in the patch is the fence: whoever decided upon an older state, be it a stale
    cache or a leader that slept, gets ApiError 409 and has changed nothing. An object deleted and made
    anew under the same name has another resourceVersion, so it loses there too.
    """
    body = {
        "metadata": {"resourceVersion": str(integration.resource_version)},
        "status": status_model.dump(status),
    }
    path = paths.integration(integration.namespace, integration.name) + "/status"
    return model.parse(await api.write("PATCH", path, body, content_type=MERGE_PATCH))
