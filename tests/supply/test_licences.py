"""Nothing is passed on under a licence that nobody looked at."""

from __future__ import annotations

from pathlib import Path

import pytest
from dev.supply import contents, licences, page
from dev.supply.contents import Contents
from dev.supply.licences import Rules
from tests.supply.layers import DEBIAN, image

RULES = Rules({"MIT": "asks little", "Apache-2.0": "asks little"}, {"MIT License": "MIT"}, {})
SITE = "opt/spark/lib/python3.13/site-packages"


def with_distribution(folder: Path, metadata: str, **more: str) -> Contents:
    info = f"{SITE}/thing-1.dist-info"
    files = {
        **DEBIAN,
        f"{info}/METADATA": f"Name: Thing\nVersion: 1\n{metadata}\n",
        f"{info}/licenses/LICENSE": "the text",
        **more,
    }
    return contents.of("runner", image(folder / "image.tar", files))


@pytest.mark.parametrize(
    ("expression", "verdict"),
    [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("MIT OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("MIT AND (GPL-3.0-only OR Apache-2.0)", True),
        ("GPL-3.0-only OR MIT AND GPL-2.0-only", False),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", False),
    ],
)
def test_an_expression_is_allowed_if_it_can_be_met(expression: str, verdict: bool) -> None:
    assert RULES.allows(expression) is verdict


@pytest.mark.parametrize("expression", ["", "MIT OR", "(MIT", "MIT License", "AND MIT", "MIT)"])
def test_what_is_no_expression_is_not_taken_for_one(expression: str) -> None:
    with pytest.raises(ValueError, match=r"expression|licence|parenthesis"):
        RULES.allows(expression)


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [
        ("License-Expression: GPL-3.0-only\nLicense: MIT", "GPL-3.0-only"),
        ("License: MIT License", "MIT"),
        ("License: MIT OR AFL-2.1", "MIT OR AFL-2.1"),
        ("License: Dual\nClassifier: License :: OSI Approved :: MIT License", "MIT"),
        ("License: BSD", ""),
        ("Classifier: License :: OSI Approved :: BSD License", ""),
        ("", ""),
    ],
)
def test_the_most_precise_word_of_a_distribution_counts(
    tmp_path: Path, metadata: str, licence: str
) -> None:
    (distribution,) = with_distribution(tmp_path, metadata).distributions
    assert RULES.licence(distribution) == licence


@pytest.mark.parametrize(
    ("metadata", "complaint"),
    [
        ("License-Expression: GPL-3.0-only", "under GPL-3.0-only, which"),
        ("License: BSD", "does not tell its licence"),
    ],
)
def test_a_licence_that_is_unknown_or_not_allowed_is_a_complaint(
    tmp_path: Path, metadata: str, complaint: str
) -> None:
    (said,) = licences.complaints([with_distribution(tmp_path, metadata)], RULES)
    assert "Thing 1" in said
    assert complaint in said


def test_so_is_one_inside_of_a_wheel(tmp_path: Path) -> None:
    bill = '{"components": [{"name": "crate", "version": "2", "licenses": [{"expression": "GPL-3.0-only"}]}]}'
    found = with_distribution(
        tmp_path,
        "License-Expression: MIT",
        **{f"{SITE}/thing-1.dist-info/sboms/a.cyclonedx.json": bill},
    )
    (said,) = licences.complaints([found], RULES)
    assert "brings crate 2, under GPL-3.0-only" in said


def test_so_are_packages_beyond_main_and_texts_that_are_missing(tmp_path: Path) -> None:
    files = {
        **DEBIAN,
        "var/lib/dpkg/status": DEBIAN["var/lib/dpkg/status"].replace(
            "Section: libs", "Section: non-free/libs", 1
        ),
        f"{SITE}/thing-1.dist-info/METADATA": "Name: Thing\nVersion: 1\nLicense-Expression: MIT\n",
    }
    del files["usr/share/doc/libssl3t64/copyright"]
    said = licences.complaints([contents.of("runner", image(tmp_path / "i.tar", files))], RULES)
    assert said == [
        "runner: libssl3t64 is of Debian's non-free/libs",
        "runner: the copyright file of libssl3t64 is missing",
        "runner: Thing 1 comes without the text of its licence",
    ]


def test_a_licence_looked_up_for_what_is_gone_is_a_complaint(tmp_path: Path) -> None:
    rules = Rules(RULES.allowed, RULES.said, {"gone": {"licence": "MIT", "why": "x"}})
    found = with_distribution(tmp_path, "License-Expression: MIT")
    assert licences.complaints([found], rules) == ["licences.toml: `gone` is in no image"]


def test_each_allowed_licence_has_a_reason(rules: Rules) -> None:
    assert all(len(why) > 10 for why in rules.allowed.values())
    assert all({"licence", "why"} == set(one) for one in rules.found.values())


@pytest.mark.slow
def test_all_that_the_images_hold_is_allowed(images: list[Contents], rules: Rules) -> None:
    assert licences.complaints(images, rules) == []


@pytest.mark.slow
def test_the_page_tells_what_is_in_the_images(images: list[Contents], rules: Rules) -> None:
    assert page.PAGE.read_text() == page.write(images, rules), "make licences"
