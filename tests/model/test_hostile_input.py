"""Parsing never raises, whatever stands in an object that somebody else may write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from spark_operator.model import (
    integration,
    job,
    plugin,
    pod,
    result,
    scheduler,
    status,
    timestamps,
)

_scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
_anything = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_CRDS = Path(__file__).parents[2] / "charts" / "spark-integrations" / "crds"


def _keys(plural: str, *path: str) -> list[str]:
    """The fields that the CRD declares there, so that a new one is among them."""
    (crd,) = _CRDS.glob(f"{plural}.*.yaml")
    schema = yaml.safe_load(crd.read_text())["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for name in path:
        schema = schema["properties"][name]
    return sorted(schema["properties"])


_RUN_KEYS = _keys("integrations", "status", "run")
_STATUS_KEYS = _keys("integrations", "status")
_SPEC_KEYS = sorted(
    {key for plural in ("integrations", "plugins", "schedulers") for key in _keys(plural, "spec")}
)


def _odd(keys: list[str]) -> st.SearchStrategy[Any]:
    return st.dictionaries(st.sampled_from(keys), _anything, max_size=6) | _anything


@given(
    spec=_odd(_SPEC_KEYS),
    run=_odd(_RUN_KEYS),
    fetch=_odd(_RUN_KEYS),
    rest=_odd(_STATUS_KEYS),
    metadata=_anything,
)
def test_no_object_breaks_the_parsers(
    spec: Any, run: Any, fetch: Any, rest: Any, metadata: Any
) -> None:
    state = {**rest, "run": run, "lastFetch": fetch} if isinstance(rest, dict) else rest
    body = {"metadata": metadata, "spec": spec, "status": state}
    for parse in (integration.parse, plugin.parse, scheduler.parse, job.parse):
        parse(body)
    pod.parse([body])
    status.dump(status.parse(state))


def _as_stored(patch: dict[str, Any]) -> dict[str, Any]:
    """What the API server keeps of a merge patch applied to nothing."""
    return {
        key: _as_stored(value) if isinstance(value, dict) else value
        for key, value in patch.items()
        if value is not None
    }


@given(
    run=st.fixed_dictionaries(
        {
            "number": st.integers(1, 9),
            "outcome": st.sampled_from(["Running", "Failed", "Succeeded"]),
        },
        optional={
            "startedAt": st.just("2026-03-01T12:00:00Z"),
            "message": st.text("abc", min_size=1),
            "rows": st.integers(0, 9),
            "errorClass": st.sampled_from(["transient", "lost"]),
        },
    )
)
def test_a_status_survives_being_written_and_read(run: dict[str, Any]) -> None:
    first = status.parse({"run": run, "lastFailedAt": "2026-03-01T12:00:00Z"})
    stored = _as_stored(status.dump(first))
    assert status.parse(stored) == first


@pytest.mark.parametrize(
    "text", ["", "now", "2026-03-01", "2026-03-01T12:00:00", "9" * 400, None, 17, True]
)
def test_a_malformed_timestamp_counts_as_absent(text: object) -> None:
    assert timestamps.parse(text) is None


def test_timestamps_are_whole_seconds_in_utc() -> None:
    moment = timestamps.parse("2026-03-01T14:00:00.987654+02:00")
    assert timestamps.dump(moment) == "2026-03-01T12:00:00Z"


# The keys that are read, each with anything: of random text almost none has one of them.
_told = st.dictionaries(
    st.sampled_from(["message", "rows", "retryAfterSeconds", "reason", "errorClass"]),
    _anything | st.text(max_size=800) | st.integers(-(10**40), 10**40),
)
_messages = st.builds(
    lambda body, plain, cut: json.dumps(body, ensure_ascii=plain)[:cut],
    _told,
    st.booleans(),
    st.none() | st.integers(0, 5000),
)


@given(
    text=st.text()
    | st.binary().map(lambda b: b.decode("latin-1"))
    | _anything.map(json.dumps)
    | _messages
    | st.builds(lambda sign, times: sign * times, st.sampled_from('[{"9-'), st.integers(0, 4096))
)
def test_no_termination_message_breaks_its_parser(text: str) -> None:
    told = result.parse(text)
    assert len(told.message) <= result.MAX_TEXT
    assert told.message.isprintable()
    assert told.rows is None or 0 <= told.rows <= result.MAX_ROWS
    wait = told.retry_after_seconds
    assert wait is None or 0 <= wait <= status.MAX_RETRY_AFTER_SECONDS
    assert told.reason in (None, status.Reason.INVALID_CREDENTIALS, status.Reason.INVALID_CONFIG)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('{"rows": 5}', 5),
        ('{"rows": -5}', None),
        ('{"rows": true}', None),
        ('{"rows": "5"}', None),
        ('{"rows": 1e9}', None),
        (f'{{"rows": {10**30}}}', 10**15),
    ],
)
def test_numbers_of_a_message_are_bounded(text: str, rows: int | None) -> None:
    assert result.parse(text).rows == rows


def test_a_message_of_over_four_kilobytes_is_not_read() -> None:
    assert not result.parse(json.dumps({"message": "x" * 5000})).readable


def test_characters_that_hide_or_reorder_text_are_taken_out() -> None:
    hidden = "ok\x1b[2J \u202egnp.exe\u200b\n\tline"
    assert result.clean(hidden) == "ok[2J gnp.exe line"


def test_the_report_is_of_the_newest_pod() -> None:
    drained = {"metadata": {"creationTimestamp": "2026-03-01T12:00:00Z"}, "status": {}}
    state = {"terminated": {"exitCode": 0, "message": "{}"}}
    replaced = {
        "metadata": {"creationTimestamp": "2026-03-01T12:00:09Z"},
        "status": {"containerStatuses": [{"state": state}]},
    }
    assert pod.parse([replaced, drained]).exit_code == 0
