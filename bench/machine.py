"""On what was measured: a figure without its machine says nothing."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dev.toolchain import KUBERNETES


def facts(load_before: float) -> dict[str, Any]:
    """``load_before``: the load average before the run, which tells whether the machine was ours alone."""
    processors = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "cores": len(os.sched_getaffinity(0)),
        "processor": processors[0] if processors else platform.machine(),
        "kubernetes": KUBERNETES,
        "python": platform.python_version(),
        "loadBefore": load_before,
        "loadAfter": os.getloadavg()[0],
    }
