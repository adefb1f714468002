"""The annotation that clears failures without a fetch: a token, of which each change counts once.

What it clears: the count of failed cycles, and the back-off of a failure that is recorded. The next
fetch then comes as if that failure had not been: by the frequency, from the last success, which is at
once where that time has passed or nothing was ever fetched. What it does not clear: the service's
Retry-After and the grace after a lost run, which nothing but time moves; a run that goes on; and Ready,
which stays False until a fetch succeeds.
"""

from dataclasses import replace

from spark_operator.decide import request
from spark_operator.model.integration import Integration


def pending(integration: Integration) -> bool:
    token = integration.reset_at
    return request.usable(token) and token != integration.status.last_handled_reset


def applied(integration: Integration) -> Integration:
    """The Integration with its failures cleared; the very same where nobody asked.

    At once, whatever else holds it back, so that no state leaves the token unanswered: it is written
    with whatever is written next, and a rest that has nothing else to write writes it.
    """
    if not pending(integration):
        return integration
    status, fetch = integration.status, integration.status.fetch
    if fetch is not None and fetch.failed and not fetch.failure_cleared:
        status = status.with_fetch(replace(fetch, failure_cleared=True))
    return integration.with_status(
        replace(status, consecutive_failures=0, last_handled_reset=integration.reset_at)
    )
