"""The chaos itself, for a moment: that it runs, injects, and finds the operator as it should be."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from dev.cluster import Cluster
from tests.chaos import faults
from tests.chaos.__main__ import parser, show
from tests.chaos.run import Plan, play


@pytest.mark.apiserver
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_half_a_minute_of_chaos_keeps_every_invariant(tmp_path: Path) -> None:
    plan = Plan(seed=4, minutes=0.5, integrations=60, settle_seconds=45, rest_seconds=5)
    cluster = Cluster(f"test-chaos-{os.getpid()}", kubeless=True, tmpfs=True, dies_with_caller=True)
    said: list[str] = []
    try:
        cluster.up()
        result = play(plan, cluster, tmp_path, said.append)
    finally:
        cluster.down()
    shown = show(result)
    assert result.findings.violations == [], f"{said}\n{shown}"
    assert result.broken == []
    assert len(result.findings.claims) >= plan.integrations
    assert result.injected.keys() <= faults.KINDS.keys()
    assert shown.endswith(
        "with seed 4: 0 doubles, 0 losses, 0 stuck, 0 other violations; all invariants held."
    )


def test_the_same_seed_draws_the_same_faults() -> None:
    def drawn(seed: int) -> list[str]:
        rng = random.Random(seed)
        return [faults.draw(rng).name for _ in range(50)]

    assert drawn(1) == drawn(1) != drawn(2)


def test_help_says_what_the_exit_status_means(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["--help"])
    assert "Exit status 0: all held" in capsys.readouterr().out
