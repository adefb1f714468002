"""The annotation that asks for a fetch: a token, of which each change counts once."""

from spark_operator.model import names
from spark_operator.model.integration import Integration

MAX_TOKEN = 128


def problem(integration: Integration) -> str:
    """Why the annotation cannot be used, as a sentence; empty where it can, or is not there."""
    token = integration.requested_at
    if token is None or (0 < len(token) <= MAX_TOKEN and token.isprintable()):
        return ""
    return (
        f" The annotation {names.REQUESTED_AT} is ignored: its value must be 1 to {MAX_TOKEN} "
        "printable characters, for example the output of date +%s."
    )


def token(integration: Integration) -> str | None:
    """The usable token that stands there now."""
    return None if problem(integration) else integration.requested_at


def pending(integration: Integration) -> bool:
    """Whether a fetch was asked for that no claim has taken yet."""
    current = token(integration)
    return current is not None and current != integration.status.last_handled_request


def taken(integration: Integration) -> str | None:
    """What a claim made now records: any claim takes the token that stands there."""
    return token(integration) or integration.status.last_handled_request
