"""What checks the chart and writes its README: kubeconform, kube-score, helm-docs.

Apart from the cluster's tools, since a cluster runs without them. None of them asks the network: schemas
are made of what the local API server says about itself.
"""

from __future__ import annotations

from pathlib import Path

from dev.toolchain import PINS, Tool, Toolchain

TOOLS = (
    Tool("kubeconform", "kubeconform", "github.com/yannh/kubeconform/cmd/kubeconform", "v0.8.0"),
    Tool("kube-score", "kube-score", "github.com/zegl/kube-score/cmd/kube-score", "v1.20.0"),
    Tool("helm-docs", "helm-docs", "github.com/norwoodj/helm-docs/cmd/helm-docs", "v1.14.2"),
)


class Checkers:
    """The three programs, in the folder that belongs to this checkout's pins."""

    def __init__(self, pins: Path = PINS) -> None:
        self._toolchain = Toolchain(pins, TOOLS)
        self.kubeconform, self.kube_score, self.helm_docs = (
            self._toolchain.path(tool.name) for tool in TOOLS
        )

    def ready(self, thorough: bool = False) -> bool:
        return self._toolchain.ready(thorough)

    def build(self, thorough: bool = False) -> Path:
        """Build what is missing; return the folder."""
        return self._toolchain.build(thorough)
