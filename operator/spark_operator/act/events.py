"""Kubernetes Events for failures and recoveries."""

import secrets
from datetime import datetime

from spark_operator.act import paths
from spark_operator.act.api import Api
from spark_operator.decide.decision import Announcement
from spark_operator.model import names, timestamps
from spark_operator.model.integration import Integration

_MESSAGE_LENGTH = 1024


async def post(
    api: Api, integration: Integration, announcement: Announcement, now: datetime, reporter: str
) -> None:
    """Raises what the API raises; a lost Event is no reason to stop, so callers log and go on."""
    time = timestamps.dump(now)
    body = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{integration.name[:200]}.{secrets.token_hex(8)}",
            "namespace": integration.namespace,
        },
        "involvedObject": {
            "apiVersion": names.API_VERSION,
            "kind": "Integration",
            "namespace": integration.namespace,
            "name": integration.name,
            "uid": integration.uid,
        },
        "type": "Warning" if announcement.warning else "Normal",
        "reason": announcement.reason,
        "message": announcement.message[:_MESSAGE_LENGTH],
        "firstTimestamp": time,
        "lastTimestamp": time,
        "count": 1,
        "source": {"component": names.MANAGED_BY},
        "reportingComponent": names.MANAGED_BY,
        "reportingInstance": reporter[:128],
    }
    await api.write("POST", paths.events(integration.namespace), body)
