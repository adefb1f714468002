"""Whether data is older than its user can have expected: what the alert of stale data goes by."""

from datetime import datetime

from spark_operator.decide import schedule
from spark_operator.model.integration import Integration
from spark_operator.model.plugin import Plugin

# A fetch that failed, and the one that made up for it, lie within two; a third has no excuse.
FREQUENCIES = 3
# What a Plugin is taken for that is not there.
_GONE = Plugin(uid="", name="", resource_version=0)


def stale_at(integration: Integration, plugin: Plugin | None, now: datetime) -> datetime | None:
    """Three times its frequency after the last success, or after it was made where there was none.

    None where nothing tells since when. The frequency is that of the Plugin while it is there, since a
    service that is gone is no reason to expect less.
    """
    status = integration.status
    since = schedule.sane(status.last_successful_update_at, now)
    since = since or schedule.sane(integration.created_at, now)
    if since is None:
        return None
    every = schedule.frequency(integration.spec, plugin or _GONE)
    return since + FREQUENCIES * every
