"""Changes of a manifest, by paths such as ``spec/template/spec/containers/0/image``."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

GONE: Any = object()


def edited(manifest: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy with these changes: GONE takes a field away, ``-`` as the last part appends to a list.

    A slash within a key is written as ``~``.
    """
    made = copy.deepcopy(dict(manifest))
    for path, value in changes.items():
        node: Any = made
        *above, last = (part.replace("~", "/") for part in path.split("/"))
        for key in above:
            node = node[int(key)] if isinstance(node, list) else node.setdefault(key, {})
        if value is GONE:
            del node[int(last) if isinstance(node, list) else last]
        elif last == "-":
            node.append(value)
        elif isinstance(node, list):
            node[int(last)] = value
        else:
            node[last] = value
    return made
