"""Every command that the README shows is run, in its order, against a real API server."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from spark_operator.model.status import Reason

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")

pytestmark = pytest.mark.apiserver


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def sh(cluster: Any, script: str, folder: Path) -> str:
    tools = cluster.toolchain.path("kubectl").parent
    result = subprocess.run(
        ["bash", "-euc", script],
        cwd=folder,
        env={
            **os.environ,
            "KUBECONFIG": str(cluster.kubeconfig),
            "PATH": f"{tools}:{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.returncode == 0, f"{script}\n{result.stdout}{result.stderr}"
    return result.stdout


def test_the_two_commands_are_targets_of_the_makefile() -> None:
    for block in blocks("sh")[:2]:
        target = block.split()[1]
        assert block == f"make {target}\n"
        subprocess.run(["make", "--dry-run", target], cwd=ROOT, check=True, capture_output=True)


def test_what_it_says_of_installing_and_using_works_as_it_stands(
    apiserver: Any, tmp_path: Path
) -> None:
    install, use = blocks("sh")[2:]
    (tmp_path / "charts").symlink_to(ROOT / "charts")
    (tmp_path / "integration.yaml").write_text(blocks("yaml")[0])
    try:
        sh(apiserver, install, tmp_path)
        sh(apiserver, "kubectl get plugins; kubectl describe plugin rest", tmp_path)
        said = sh(apiserver, use.replace("…", "x"), tmp_path)
        assert "integration.spark-integrations.dev/kopf-issues created" in said
        assert "kopf-issues annotated" in said
        assert "kopf-issues patched" in said
    finally:
        sh(
            apiserver,
            "helm uninstall spark-integrations --namespace spark-integrations --ignore-not-found;"
            "kubectl delete namespace spark-integrations --wait=false --ignore-not-found;"
            "kubectl delete secret github warehouse --ignore-not-found",
            tmp_path,
        )


def test_every_state_has_a_row() -> None:
    for reason in Reason:
        assert f"| `{reason}` |" in README


def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\((?!http)([^)]+)\)", README):
        assert (ROOT / target).exists(), target
