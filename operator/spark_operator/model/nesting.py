"""JSON that nests too deep to be read is cut before anything reads it.

The API server takes an Integration whose config nests nine thousand deep. Python's JSON ends at a thousand, and it
ends the watch with which the operator learns of everybody's Integrations: one tenant would stop all others.
"""

import re
from collections.abc import Mapping

# Of a whole answer of the API server. No config that means something comes near it, and what walks
# through objects level by level has calls to spare.
MAX_DEPTH = 64
# Stands for what was cut; a config that holds it is refused.
CUT = "spark-integrations.dev/nested-too-deeply"

_BRACKETS = b"{}[]"
_OTHERS = bytes(byte for byte in range(256) if byte not in _BRACKETS)
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)
_CUT = f'"{CUT}"'.encode()


def shallow(document: bytes) -> bytes:
    """The JSON document, with CUT in place of each list and object deeper than MAX_DEPTH.

    One that does not nest as deep is the same bytes, and costs a few microseconds.
    """
    return _cut(document) if _may_be_deep(document) else document


def depth(value: object) -> int:
    """How many lists and objects are within each other, of what was cut before."""
    match value:
        case Mapping():
            return 1 + max(map(depth, value.values()), default=0)
        case list():
            return 1 + max(map(depth, value), default=0)
    return 0


def _may_be_deep(document: bytes) -> bool:
    """By its brackets alone, those in strings included. Taking away the empty pairs takes away a level,
    or two where an object is alone in its list."""
    brackets = document.translate(None, _OTHERS)
    for taken_away in range(0, MAX_DEPTH, 2):
        if taken_away + len(brackets) <= MAX_DEPTH:
            return False
        brackets = brackets.replace(b"{}", b"").replace(b"[]", b"")
    return True


def _cut(document: bytes) -> bytes:
    kept: list[bytes] = []
    level, since = 0, 0
    for token in _TOKEN.finditer(document):
        match token.group()[:1]:
            case b"{" | b"[":
                level += 1
                if level == MAX_DEPTH + 1:
                    kept.append(document[since : token.start()])
            case b"}" | b"]":
                level -= 1
                if level == MAX_DEPTH:
                    kept.append(_CUT)
                    since = token.end()
    if level > MAX_DEPTH:
        # It ends within: no JSON, which whoever reads it will say.
        return b"".join(kept)
    return b"".join((*kept, document[since:]))
