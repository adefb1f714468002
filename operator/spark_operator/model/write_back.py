"""Whose pods may write renewed credentials back into their Secret, and under which account."""

import hashlib

from spark_operator.model.integration import Integration
from spark_operator.model.plugin import Plugin

_PREFIX = "spark-fetch-"
# Of a ServiceAccount's name; an Integration's own may be as long.
_LENGTH = 253


def service_account(name: str) -> str:
    """``spark-fetch-<name>``, cut with a hash where that is too long (docs/contract.md).

    It follows from the Integration's name alone: nobody can borrow the account of another one, and the
    Role that names it can be written beforehand.
    """
    whole = _PREFIX + name
    if len(whole) <= _LENGTH:
        return whole
    tail = "-" + hashlib.sha256(name.encode()).hexdigest()[:8]
    return whole[: _LENGTH - len(tail)].rstrip("-.") + tail


def account(integration: Integration, plugin: Plugin) -> str | None:
    """The ServiceAccount of the pod; None where administrator and user do not both want it."""
    spec = integration.spec
    wanted = plugin.writes_credentials and spec.credentials_write_back
    if not (wanted and plugin.credentials and spec.credentials_secret_name):
        return None
    return service_account(integration.name)


def note(integration: Integration, plugin: Plugin) -> str:
    """A sentence where the user's wish has no effect, else nothing."""
    if not integration.spec.credentials_write_back or account(integration, plugin):
        return ""
    why = (
        "there is no spec.credentialsSecretName"
        if plugin.writes_credentials and plugin.credentials
        else f'writesCredentials is not set in Plugin "{plugin.name}"'
    )
    return f" credentialsWriteBack has no effect, since {why}."
