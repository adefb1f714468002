"""Finding the plugin of a service among the installed distributions."""

from __future__ import annotations

from importlib.metadata import entry_points

from spark_plugins.contract import ENTRY_POINTS, Plugin
from spark_plugins.errors import PermanentError


class UnknownService(PermanentError):
    """No installed distribution brings a plugin of that name."""


def names() -> list[str]:
    """The services of the installed plugins, sorted."""
    return sorted({point.name for point in entry_points(group=ENTRY_POINTS)})


def load(service: str) -> Plugin:
    """An instance of the plugin of `service`.

    Raises `UnknownService`, also when two distributions claim the name: which one ran would
    depend on the order of the path.
    """
    points = list(entry_points(group=ENTRY_POINTS, name=service))
    if not points:
        raise UnknownService(
            f'This image has no plugin "{service}"; it has: {", ".join(names()) or "none"}.',
            reason="InvalidConfig",
        )
    if len({point.value for point in points}) > 1:
        raise UnknownService(
            f'This image has more than one plugin "{service}": '
            f"{', '.join(sorted({point.value for point in points}))}.",
            reason="InvalidConfig",
        )
    plugin: Plugin = points[0].load()()
    if plugin.name != service:
        raise UnknownService(
            f'The entry point "{service}" leads to a plugin that calls itself "{plugin.name}".',
            reason="InvalidConfig",
        )
    return plugin
