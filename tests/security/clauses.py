"""The clauses of a CEL expression: what stands beside ``&&``, at whatever depth."""

from __future__ import annotations

from collections.abc import Iterator

# Spaces tell the ``?`` and ``:`` of a choice from those of optional fields.
_BETWEEN = ("&&", "||", " ? ", " : ", ",")


def without_each(expression: str) -> Iterator[tuple[str, str]]:
    """Each clause, and the expression with `true` in its place."""
    text = " ".join(expression.split())
    for start, end in _operands(text):
        clause = text[start:end].strip()
        yield clause, f"{text[:start]} true {text[end:]}"


def _operands(text: str) -> Iterator[tuple[int, int]]:
    """Where the operands of every ``&&`` begin and end."""
    around: list[tuple[int, str]] = []
    start, before, at = 0, "", 0
    while at < len(text):
        if text[at] == "'":
            at = text.index("'", at + 1) + 1
            continue
        if text[at] in "([{":
            around.append((start, before))
            at += 1
            start, before = at, ""
            continue
        if text[at] in ")]}":
            if before == "&&":
                yield start, at
            start, before = around.pop()
            at += 1
            continue
        sign = next((sign for sign in _BETWEEN if text.startswith(sign, at)), "")
        if sign:
            if "&&" in (before, sign):
                yield start, at
            at += len(sign)
            start, before = at, sign
            continue
        at += 1
    if before == "&&":
        yield start, at
