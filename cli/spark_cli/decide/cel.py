"""The rules of a CRD (``x-kubernetes-validations``), as far as one state of an object decides them.

CEL is a language; the rules of these CRDs use a corner of it: ``self.a == 'x'``, ``has(self.b)``, ``!``,
``&&``, ``||`` and parentheses. Whatever is beyond that is not guessed at: Unreadable, and the API server
alone judges it.
"""

import re
from collections.abc import Mapping
from typing import Any

_TOKEN = re.compile(r"\s*(\|\||&&|==|!=|!|\(|\)|'[^']*'|has\b|true\b|false\b|self(?:\.\w+)*)")


class Unreadable(ValueError):
    """The rule uses more of CEL than is known here."""


def holds(rule: str, value: Mapping[str, Any]) -> bool:
    """Whether ``value`` (``self``) keeps the rule. Raises Unreadable."""
    reader = _Reader(_tokens(rule), value)
    result = reader.either()
    if reader.left:
        raise Unreadable(rule)
    return result


def _tokens(rule: str) -> list[str]:
    tokens, at = [], 0
    text = rule.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or "oldSelf" in text:
            raise Unreadable(rule)
        tokens.append(match.group(1))
        at = match.end()
    return tokens


class _Reader:
    """By precedence: ``||``, then ``&&``, then ``!`` and comparisons."""

    def __init__(self, tokens: list[str], value: Mapping[str, Any]) -> None:
        self.left = tokens
        self._value = value

    def _take(self, *expected: str) -> str:
        if not self.left or (expected and self.left[0] not in expected):
            raise Unreadable(" ".join(self.left))
        return self.left.pop(0)

    def _next_is(self, token: str) -> bool:
        return bool(self.left) and self.left[0] == token

    def either(self) -> bool:
        result = self._both()
        while self._next_is("||"):
            self._take()
            # Both sides are read, whatever the first says: the tokens must go.
            result = self._both() or result
        return result

    def _both(self) -> bool:
        result = self._one()
        while self._next_is("&&"):
            self._take()
            result = self._one() and result
        return result

    def _one(self) -> bool:
        if self._next_is("!"):
            self._take()
            return not self._one()
        if self._next_is("("):
            self._take()
            result = self.either()
            self._take(")")
            return result
        if self._next_is("has"):
            self._take()
            self._take("(")
            path = self._take()
            self._take(")")
            return self._look(path) is not None
        return self._comparison()

    def _comparison(self) -> bool:
        first = self._operand()
        if self.left and self.left[0] in ("==", "!="):
            equal = self._take() == "=="
            return (first == self._operand()) is equal
        if not isinstance(first, bool):
            raise Unreadable(str(first))
        return first

    def _operand(self) -> Any:
        word = self._take()
        if word in ("true", "false"):
            return word == "true"
        if word.startswith("'"):
            return word[1:-1]
        return self._look(word)

    def _look(self, path: str) -> Any:
        if path != "self" and not path.startswith("self."):
            raise Unreadable(path)
        value: Any = self._value
        for step in path.split(".")[1:]:
            value = value.get(step) if isinstance(value, Mapping) else None
        return value
