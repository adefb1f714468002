"""Writing a value into the JSON body of a request."""

from __future__ import annotations

from typing import Any

from spark_plugins.errors import PermanentError


def put(body: Any, path: str, value: Any) -> dict[str, Any]:
    """The body with `value` at `path`, keys joined by dots; the one given stays as it was.

    Raises `PermanentError` where something that is no object is in the way.
    """
    key, _, rest = path.partition(".")
    if body is not None and not isinstance(body, dict):
        raise PermanentError(
            f'The body has something that is no object where "{path}" should be written.',
            reason="InvalidConfig",
        )
    changed = dict(body or {})
    changed[key] = put(changed.get(key), rest, value) if rest else value
    return changed
