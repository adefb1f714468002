"""An image is what its layers say together: what one removes, and what lies behind links."""

from __future__ import annotations

from pathlib import Path

import pytest
from dev.errors import RefusalError
from dev.supply import archive
from tests.supply.layers import image, tar


def read(path: Path) -> archive.Image:
    return archive.read(path, lambda _: True)


def test_a_layer_hides_replaces_and_clears_what_lies_below(tmp_path: Path) -> None:
    lower = {"a/kept": "1", "a/removed": "1", "a/replaced": "1", "b/x/deep": "1", "c/file": "1"}
    upper = {"./a/.wh.removed": "", "a/replaced": "2", "b/.wh.x": "", "c/.wh..wh..opq": ""}
    files = read(image(tmp_path / "image.tar", lower, upper)).files
    assert files == {"a/kept": b"1", "a/replaced": b"2"}


def test_what_a_layer_brings_is_not_removed_by_its_own_clearing(tmp_path: Path) -> None:
    files = read(
        image(tmp_path / "image.tar", {"c/old": "1"}, {"c/new": "2", "c/.wh..wh..opq": ""})
    )
    assert files.files == {"c/new": b"2"}


def test_a_folder_replaced_by_a_link_is_read_where_it_leads(tmp_path: Path) -> None:
    path = image(tmp_path / "image.tar", {"doc/a/text": "old", "doc/b/text": "b"}, {"doc/a": "->b"})
    found = read(path)
    assert found.read("doc/a/text") == b"b"
    assert found.read("doc/nowhere/text") is None


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    found = read(image(tmp_path / "image.tar", {"a": "->b", "b": "->a"}))
    assert found.read("a") is None


@pytest.mark.parametrize("content", [b"", b"not a tar", tar({"manifest.json": "{}"})])
def test_what_is_no_image_is_refused_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "image.tar"
    path.write_bytes(content)
    with pytest.raises(RefusalError, match="make images"):
        read(path)
