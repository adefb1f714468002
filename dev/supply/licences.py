"""Under which licence each distribution of Python is, and whether that is allowed.

Debian's packages are not judged one by one: all of `main` may be passed on (the Debian Free Software
Guidelines), together with its copyright files. That is what is checked of them.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dev.supply.contents import Contents, Distribution

RULES = Path(__file__).with_name("licences.toml")


@dataclass(frozen=True)
class Rules:
    """`licences.toml`, read."""

    allowed: dict[str, str]
    """SPDX identifier → reason."""
    said: dict[str, str]
    """What packages wrote before there were SPDX expressions → SPDX expression."""
    found: dict[str, dict[str, str]]
    """Name of a distribution → `licence` and `why`, where what it says of itself is not enough."""

    @classmethod
    def read(cls, path: Path = RULES) -> Rules:
        """Raises tomllib.TOMLDecodeError and KeyError for a file that is not as it should be."""
        raw = tomllib.loads(path.read_text())
        return cls(raw["allowed"], raw["said"], raw["found"])

    def licence(self, distribution: Distribution) -> str:
        """Its SPDX expression; empty if it cannot be told.

        What somebody looked up comes first, then the expression, then `License`, then the classifiers:
        in the order of how precise they are.
        """
        if known := self.found.get(distribution.normalized):
            return known["licence"]
        if distribution.expression:
            return distribution.expression
        if distribution.licence and (licence := self._translated(distribution.licence)):
            return licence
        translated = {self._translated(one) for one in distribution.classifiers}
        return translated.pop() if len(translated) == 1 else ""

    def _translated(self, word: str) -> str:
        if word in self.said:
            return self.said[word]
        try:
            return word if self.allows(word) else ""
        except ValueError:
            return ""  # words, and no expression

    def allows(self, expression: str) -> bool:
        """Whether each AND-ed part can be had under an allowed licence. Raises ValueError for none at all."""
        words = re.findall(r"[()]|[^\s()]+", expression)
        if not words:
            raise ValueError("an empty expression")
        verdict, rest = self._either(words)
        if rest:
            raise ValueError(f"`{expression}` is no SPDX expression")
        return verdict

    def _either(self, words: list[str]) -> tuple[bool, list[str]]:
        verdict, words = self._both(words)
        while words[:1] == ["OR"]:
            other, words = self._both(words[1:])
            verdict = verdict or other
        return verdict, words

    def _both(self, words: list[str]) -> tuple[bool, list[str]]:
        verdict, words = self._one(words)
        while words[:1] == ["AND"]:
            other, words = self._one(words[1:])
            verdict = verdict and other
        return verdict, words

    def _one(self, words: list[str]) -> tuple[bool, list[str]]:
        if not words or words[0] in ("AND", "OR", "WITH", ")"):
            raise ValueError(f"a licence is missing before {words[:1]}")
        if words[0] == "(":
            verdict, words = self._either(words[1:])
            if words[:1] != [")"]:
                raise ValueError("a parenthesis is not closed")
            return verdict, words[1:]
        if words[1:2] == ["WITH"]:
            # An exception only ever permits more.
            return words[0] in self.allowed, words[3:]
        return words[0] in self.allowed, words[1:]


def identifiers(expression: str) -> set[str]:
    """The licences that an expression names."""
    without_exceptions = re.sub(r"\bWITH\s+\S+", "", expression)
    return set(re.findall(r"[^\s()]+", without_exceptions)) - {"AND", "OR"}


def complaints(contents: Iterable[Contents], rules: Rules) -> list[str]:
    """What must not be passed on as it is, a sentence each."""
    said = []
    used: set[str] = set()
    for one in contents:
        for package in one.packages:
            if package.section.partition("/")[0] in ("non-free", "non-free-firmware", "contrib"):
                said.append(f"{one.target}: {package.name} is of Debian's {package.section}")
            if not package.has_copyright:
                said.append(f"{one.target}: the copyright file of {package.name} is missing")
        for distribution in one.distributions:
            used.add(distribution.normalized)
            named = f"{one.target}: {distribution.name} {distribution.version}"
            licence = rules.licence(distribution)
            if not licence:
                words = [distribution.licence, *distribution.classifiers]
                said.append(
                    f"{named} does not tell its licence: {words}; look it up for {RULES.name}"
                )
            elif not rules.allows(licence):
                said.append(f"{named} is under {licence}, which {RULES.name} does not allow")
            if not distribution.has_text:
                said.append(f"{named} comes without the text of its licence")
            for component in distribution.components:
                if component.licence and not rules.allows(component.licence):
                    inside = f"{component.name} {component.version}, under {component.licence}"
                    said.append(f"{named} brings {inside}, which {RULES.name} does not allow")
    said += [f"{RULES.name}: `{name}` is in no image" for name in sorted(set(rules.found) - used)]
    return said
