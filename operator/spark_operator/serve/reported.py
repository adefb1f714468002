"""Which services the heartbeat counts each by itself."""

from collections.abc import Container, Iterable

# As many as the CRD has room for: with one more the whole heartbeat would be refused.
MOST_SERVICES = 1024


def reported(services: Iterable[str], plugins: Container[str]) -> list[str]:
    """Those that have a Plugin.

    Whoever may write Integrations can name services by the thousand; only an administrator makes Plugins.
    """
    return sorted(service for service in services if service in plugins)[:MOST_SERVICES]
