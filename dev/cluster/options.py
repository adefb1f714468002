"""How a cluster was asked for."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Options:
    """`kubeless`: fake nodes only. `tmpfs`: bulky data in memory. `audit`: log each API request."""

    kubeless: bool = False
    tmpfs: bool = False
    audit: bool = False
    began: float = 0.0

    def dump(self) -> str:
        """As text, for the file beside the cluster and the command line of process 1."""
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, text: str) -> Options:
        """The reverse of dump."""
        values: dict[str, Any] = json.loads(text)
        return cls(**values)

    def same_cluster(self, other: Options) -> bool:
        """Whether a cluster made with `other` is what is asked for here."""
        return (self.kubeless, self.tmpfs, self.audit) == (
            other.kubeless,
            other.tmpfs,
            other.audit,
        )
