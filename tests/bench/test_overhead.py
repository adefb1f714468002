"""The time of a fetch on a real node, from the audit log."""

from __future__ import annotations

import pytest
from bench.audit import Request
from bench.overhead import seconds_between

ASKED = ("patch", "integrations", "a")
RECORDED = ("patch", "integrations/status", "a")


def request(began: float, what: tuple[str, str, str], code: int = 200) -> Request:
    return Request(began, began + 0.1, "any", *what, code)


def test_it_ends_with_the_last_record_and_begins_with_the_first_request() -> None:
    requests = [
        request(10, ASKED),
        request(10.2, RECORDED),
        request(13, RECORDED),
        request(14, RECORDED, code=409),
        request(15, ("patch", "integrations/status", "b")),
    ]
    assert seconds_between(requests, ASKED, RECORDED) == pytest.approx(3.1)


def test_what_never_happened_has_no_time() -> None:
    with pytest.raises(ValueError, match="empty"):
        seconds_between([request(10, ASKED)], ASKED, RECORDED)
