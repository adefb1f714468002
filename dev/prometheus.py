"""Prometheus and promtool, for tests of what is measured and of what wakes somebody at night.

Apart from the cluster's tools, since few need them. The pages for people lack their scripts, which are
no part of the module; what asks for metrics, judges rules and answers queries is whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dev.toolchain import PINS, Tool, Toolchain

VERSION = "v0.316.0"
"""Of the module, which counts apart from the program: this is Prometheus 3.16.0."""

_STAMP = "github.com/prometheus/common/version.Version=3.16.0"


@dataclass(frozen=True)
class _WithoutDiscovery(Tool):
    """Files and fixed addresses are enough here; the clients of two dozen clouds are most of the build."""

    @property
    def flags(self) -> list[str]:
        return ["-tags", "remove_all_sd", *super().flags]


def _tool(name: str) -> Tool:
    package = f"github.com/prometheus/prometheus/cmd/{name}"
    return _WithoutDiscovery(name, "prometheus", package, VERSION, (_STAMP,))


PROMETHEUS, PROMTOOL = _tool("prometheus"), _tool("promtool")


class Prometheus:
    """The two programs, in the folder that belongs to this checkout's pins."""

    def __init__(self, pins: Path = PINS) -> None:
        self._toolchain = Toolchain(pins, (PROMETHEUS, PROMTOOL))
        self.program = self._toolchain.path(PROMETHEUS.name)
        self.promtool = self._toolchain.path(PROMTOOL.name)

    def ready(self, thorough: bool = False) -> bool:
        return self._toolchain.ready(thorough)

    def build(self, thorough: bool = False) -> Path:
        """Build what is missing; return the folder."""
        return self._toolchain.build(thorough)
