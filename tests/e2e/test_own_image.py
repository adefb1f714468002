"""A plugin that does not come with us, in an image of its own, on the real node."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from dev.demo.run import NAMESPACE, Demo
from dev.images import Images
from tests.e2e import cluster
from tests.support import example_plugin

pytestmark = [pytest.mark.node, pytest.mark.timeout(400)]

IMAGE = "localhost/shop-plugin:test"


def test_the_example_plugin_is_built_on_the_runner_and_fetches_the_shop(
    demo: Demo, tmp_path: Path
) -> None:
    copy = example_plugin.build(tmp_path)
    archive = tmp_path / "shop-plugin.tar"
    Images().build_upon(copy, IMAGE, archive)
    assert demo.place.local is not None
    demo.place.local.load_image(archive)
    plugin = yaml.safe_load((copy / "plugin.yaml").read_text())
    plugin["spec"] |= {"image": IMAGE, "egressHosts": [f"shop.{NAMESPACE}.svc"]}
    cluster.apply(demo.place, plugin)
    config = {"baseUrl": f"{cluster.SHOP}/api"}
    wanted = cluster.wanted("third-party", service="shop", config=config)
    cluster.apply(demo.place, wanted)
    cluster.wait_ready(demo.place, "third-party", "Fetched")
    (pod,) = cluster.pods_of(demo.place, "third-party")
    assert {container["image"] for container in pod["spec"]["containers"]} == {IMAGE}
    assert cluster.status(demo.place, "third-party", NAMESPACE)["run"]["rows"] >= 50
