"""Every command that the documentation shows is run, page by page, as a reader types it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from dev.demo.place import Place
from dev.demo.run import Demo
from tests.docs.commands import ON_A_NODE, looks
from tests.e2e import shop
from tests.support.pages import DOCS
from tests.support.reader import read

pytestmark = [pytest.mark.node, pytest.mark.timeout(400)]

NAMESPACE = "team-a"


@pytest.fixture(scope="module")
def guided(fetched: Demo) -> Iterator[Place]:
    """The demonstration, a shop, and a namespace with room for a claim: what a page takes for given."""
    made = fetched.place
    shop.up(made)
    made.kubectl("create", "namespace", NAMESPACE)
    made.volume(NAMESPACE)
    yield made
    made.kubectl("delete", "namespace", NAMESPACE, "--timeout=150s")


@pytest.mark.parametrize("page", ON_A_NODE)
def test_the_commands_of_a_page_do_what_it_says(guided: Place, page: str, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "at-home"
    kubeconfig.write_bytes(Path(guided.environment["KUBECONFIG"]).read_bytes())
    guided.run(
        *("kubectl", "--kubeconfig", str(kubeconfig), "config", "set-context", "--current"),
        f"--namespace={NAMESPACE}",
    )
    read(DOCS / page, tmp_path, kubeconfig, instead=shop.INSTEAD)


@pytest.mark.parametrize("look", sorted(set(looks(DOCS / "operating.md"))))
def test_each_look_of_the_troubleshooting_finds_something(guided: Place, look: str) -> None:
    said = guided.run("kubectl", *shlex.split(look)[1:])
    # Here there is no such failure, no such setting, and no Integration of the pages any more.
    nothing_there = any(word in look for word in ("FailedCreate", "podTemplate", "-n team-a"))
    assert said.strip() or nothing_there
