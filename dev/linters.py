"""Linters that are Go modules, for what no linter of Python reads. Apart from the cluster's tools: seconds, not minutes."""

from __future__ import annotations

from pathlib import Path

from dev.toolchain import PINS, Tool, Toolchain

ACTIONLINT = Tool(
    "actionlint", "actionlint", "github.com/rhysd/actionlint/cmd/actionlint", "v1.7.12"
)


def actionlint(pins: Path = PINS) -> Path:
    """Where the linter of workflows lies; built if it is not there."""
    toolchain = Toolchain(pins, (ACTIONLINT,))
    toolchain.build()
    return toolchain.path(ACTIONLINT.name)
