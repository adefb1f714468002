"""Every command that the README shows is run, in its order, against a real API server."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from dev.cluster import Cluster

from spark_operator.model.status import Reason
from tests.support import pages

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"

pytestmark = pytest.mark.apiserver


def blocks(language: str) -> list[str]:
    return [block.text for block in pages.blocks(README, language)]


def sh(cluster: Cluster, script: str, folder: Path) -> str:
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


@pytest.fixture
def apiserver() -> Iterator[Cluster]:
    """One of this file's own: what the README says at its end deletes the CRDs."""
    cluster = Cluster(f"readme-{os.getpid()}", kubeless=True, tmpfs=True)
    try:
        cluster.up()
        yield cluster
    finally:
        cluster.down()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder in which the commands find what they name, and may write."""
    for folder in ("charts", "manifests"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    (tmp_path / "integration.yaml").write_text(blocks("yaml")[0])
    return tmp_path


def images(cluster: Cluster, checkout: Path) -> set[str]:
    deployment = sh(cluster, "kubectl get deployment -n spark-integrations -o yaml", checkout)
    return set(re.findall(r"registry[.][^/]+/[^/]+/", deployment))


def test_what_it_says_of_installing_without_helm_works_as_it_stands(
    apiserver: Cluster, checkout: Path
) -> None:
    sh(apiserver, blocks("sh")[3], checkout)
    assert images(apiserver, checkout) == {"registry.example.com/spark-integrations/"}


def test_what_it_says_of_installing_using_and_removing_works_as_it_stands(
    apiserver: Cluster, checkout: Path
) -> None:
    install, _, use, remove = blocks("sh")[2:]
    sh(apiserver, install, checkout)
    assert images(apiserver, checkout) == {"registry.example.com/spark-integrations/"}
    sh(apiserver, "kubectl get plugins; kubectl describe plugin rest", checkout)
    said = sh(apiserver, use.replace("…", "x"), checkout)
    assert "integration.spark-integrations.dev/kopf-issues created" in said
    assert "kopf-issues annotated" in said
    assert "kopf-issues patched" in said
    sh(apiserver, remove, checkout)
    left = sh(apiserver, "kubectl get crd,namespaces,clusterroles -o name", checkout)
    assert "spark-integrations" not in left


def test_every_state_has_a_row() -> None:
    shown = {row[0] for row in pages.rows(README)}
    for reason in Reason:
        assert f"`{reason}`" in shown
