"""The page for beginners, from a cluster with nothing of ours to one with nothing left of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from dev.demo.place import Place
from dev.demo.run import RELEASE, SYSTEM
from tests.e2e import shop
from tests.support.pages import DOCS
from tests.support.reader import read

from dev import versions

pytestmark = [pytest.mark.node, pytest.mark.timeout(400)]

REGISTRY = "registry.example.com/spark-integrations"
NAMESPACE = "team-a"
# The feed of the page is on the internet, the one here in the cluster.
_OPENED = f"--set 'plugins.overrides.rss.egressHosts[0]=*.{shop.NAMESPACE}.svc'"


@pytest.fixture
def bare(place: Place) -> Place:
    """A cluster without us, whose nodes have the two images from the registry that the page names."""
    place.run("helm", "uninstall", RELEASE, "-n", SYSTEM, "--ignore-not-found", "--wait")
    place.kubectl("delete", "namespace", SYSTEM, NAMESPACE, "--ignore-not-found", "--timeout=150s")
    assert place.local is not None
    for name, image in (("operator", place.operator_image), ("runner", place.runner_image)):
        tag = ["ctr", "--namespace=k8s.io", "images", "tag", "--force", image]
        place.local.exec([*tag, f"{REGISTRY}/{name}:{versions.current()}"], everything=True)
    shop.up(place)
    # A cloud would make the volume when the claim comes.
    place.volume(NAMESPACE)
    return place


def test_from_nothing_to_fresh_rows_and_back_to_nothing(bare: Place, tmp_path: Path) -> None:
    page = DOCS / "getting-started.md"
    instead = {**shop.INSTEAD, "--create-namespace --wait": f"--create-namespace {_OPENED} --wait"}
    read(page, tmp_path, Path(bare.environment["KUBECONFIG"]), instead=instead)
    left = bare.kubectl("get", "crd,namespaces,clusterroles,clusterrolebindings", "-o", "name")
    assert "spark-integrations" not in left
    assert f"namespace/{NAMESPACE}\n" not in left
