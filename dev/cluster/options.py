"""How a cluster was asked for."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Options:
    """`kubeless`: fake nodes only. `tmpfs`: bulky data in memory. `audit`: log each API request.
    `dies_with_caller`: it goes with the process that brought it up. `stock_limits`: controllers and
    scheduler ask no faster than they do by default, where load tests want them not to be in the way."""

    kubeless: bool = False
    tmpfs: bool = False
    audit: bool = False
    dies_with_caller: bool = False
    stock_limits: bool = False
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
        return replace(self, began=0.0) == replace(other, began=0.0)
