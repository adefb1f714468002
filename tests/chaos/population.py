"""The Integrations of the chaos: mostly healthy, and every way to fail among them."""

from __future__ import annotations

import json
import random
from typing import Any

SCHEMA = {"type": "object", "properties": {"number": {"type": "integer"}}}
"""What the Plugin demands, so that some Integrations can be refused."""

FAILING = {"outcome": "fail", "delay": "1s"}

# (weight, what becomes of the pods; dev/README.md)
FATES: list[tuple[int, dict[str, str]]] = [
    (60, {"delay": "1s"}),
    (5, {"delay": "8s"}),
    (10, {**FAILING, "exit-code": "1", "message": json.dumps({"message": "The host is down."})}),
    (4, {**FAILING, "exit-code": "10", "message": json.dumps({"message": "No such account."})}),
    (
        4,
        {
            **FAILING,
            "exit-code": "11",
            "message": json.dumps({"message": "Slow down.", "retryAfterSeconds": 20}),
        },
    ),
    (3, {**FAILING, "exit-code": "137", "reason": "OOMKilled"}),
    (3, {**FAILING, "exit-code": "137", "reason": "Evicted", "message": "Low on memory."}),
    (2, {**FAILING, "exit-code": "1", "message": "not JSON at all"}),
    (2, {"outcome": "hang"}),
    (2, {"outcome": "pending", "reason": "ErrImagePull", "message": "no such image"}),
    (2, {"outcome": "disrupted", "delay": "3s"}),
]
_MINUTES = [1, 1, 1, 1, 2, 3]
_REFUSED_SHARE = 0.03


def fate(rng: random.Random) -> dict[str, str]:
    return rng.choices([f for _, f in FATES], [weight for weight, _ in FATES])[0]


def config(rng: random.Random) -> dict[str, Any]:
    """A whole ``spec.config``; each key of another fate is set to nothing, as a merge patch needs."""
    chosen = fate(rng)
    keys = sorted({key for _, each in FATES for key in each})
    settings: dict[str, Any] = {f"dev.spark/{key}": chosen.get(key) for key in keys}
    settings["number"] = "none" if rng.random() < _REFUSED_SHARE else 1
    return settings


def spec(rng: random.Random) -> dict[str, Any]:
    """Everything but the service. Quick ladders, or ten minutes would see only their first rung."""
    return {
        "config": {key: value for key, value in config(rng).items() if value is not None},
        "updateFrequencyMinutes": rng.choice(_MINUTES),
        "timeoutSeconds": 30,
        "retryDelaysSeconds": rng.choice([[2, 5, 10], [3], []]),
    }
