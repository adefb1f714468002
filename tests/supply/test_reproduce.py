"""Whoever builds the images again from the same sources and base gets the same, byte for byte."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from dev.images import Images
from dev.supply import reproduce
from tests.supply.layers import image


def test_two_images_that_are_the_same_differ_in_nothing(tmp_path: Path) -> None:
    one = image(tmp_path / "one.tar", {"a": "1"})
    assert reproduce.difference(one, Path(shutil.copy(one, tmp_path / "two.tar"))) == []


def test_where_they_differ_is_said_by_layer_and_file(tmp_path: Path) -> None:
    one = image(tmp_path / "one.tar", {"a": "1"}, {"b": "1", "same": "x"})
    two = image(tmp_path / "two.tar", {"a": "1"}, {"b": "2", "same": "x", "c": "new"}, identity="b")
    head, *files = reproduce.difference(one, two)
    assert head == "layer 1 of 2 differs:"
    assert [line.split(":")[0].strip() for line in files] == ["/b", "/c"]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_operators_image_is_the_same_when_nothing_is_kept(
    archives: dict[str, Path], tmp_path: Path
) -> None:
    again = tmp_path / "operator.tar"
    Images().build_afresh("operator", again)
    assert reproduce.difference(archives["operator"], again) == []
