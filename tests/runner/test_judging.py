"""The pure parts: what a time, an exception, a text and an outcome become."""

import base64
import datetime as dt
import email.utils
import io
import json
from pathlib import Path
from urllib.parse import quote

import psycopg2
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from spark_plugins.errors import PermanentError, RateLimited, TransientError
from spark_runner import termination
from spark_runner.classify import classify
from spark_runner.document import budget_seconds, parse
from spark_runner.http_errors import retry_after_seconds
from spark_runner.outcome import Exit, Outcome
from spark_runner.records import clean
from spark_runner.scrub import ScrubbedStream, Scrubber, one_line

NOW = dt.datetime(2026, 11, 24, 8, tzinfo=dt.UTC)

DOCUMENT = parse(
    json.dumps(
        {
            "version": 1,
            "namespace": "team-a",
            "name": "alice",
            "service": "rest",
            "credentials": {"secretName": "alice-secret", "keys": []},
            "destination": {"type": "postgres", "secretName": "warehouse", "dataset": "d"},
            "timeoutSeconds": 300,
            "somethingNewer": {"of": "a later operator"},
        }
    )
)


@pytest.mark.parametrize(
    ("created", "budget"),
    [
        (None, 290),
        ("2026-11-24T07:59:48Z", 278),
        ("2026-11-24T07:55:30Z", 20),
        ("2026-11-24T07:55:00Z", 290),
        ("2026-11-24T08:00:05Z", 290),
        ("2026-11-24T07:59:48", 290),
        ("yesterday", 290),
    ],
)
def test_the_budget_believes_only_a_believable_clock(created, budget):
    assert budget_seconds(300, created, NOW) == budget


def response(status, **headers):
    made = requests.Response()
    made.status_code = status
    made.url = "https://api.example.com/items?token=secret"
    made.headers.update({name.replace("_", "-"): text for name, text in headers.items()})
    return made


def date(seconds):
    return email.utils.formatdate(NOW.timestamp() + seconds, usegmt=True)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry_After": "120"}, 120),
        ({"Retry_After": " 0 "}, 0),
        ({"Retry_After": "9" * 5000}, 86400),
        ({"Retry_After": "-5"}, None),
        ({"Retry_After": "soon"}, None),
        ({"Retry_After": "١٢"}, None),
        ({"Retry_After": date(600)}, 600),
        ({"Retry_After": date(-600)}, 0),
        ({"Retry_After": date(10**6)}, 86400),
        ({"Retry_After": date(7200), "Date": date(7000)}, 200),
        ({"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": str(int(NOW.timestamp()) + 30)}, 30),
        ({"X_RateLimit_Reset": str(int(NOW.timestamp()) + 30)}, 30),
        (
            {
                "X_RateLimit_Remaining": "0",
                "X_RateLimit_Reset": str(int(NOW.timestamp()) + 7200),
                "Date": date(7100),
            },
            100,
        ),
        ({"Retry_After": "30", "Date": "yesterday"}, 30),
        ({"X_RateLimit_Remaining": "7", "X_RateLimit_Reset": str(int(NOW.timestamp()) + 30)}, None),
    ],
)
def test_a_wish_to_wait_becomes_seconds_within_a_day(headers, seconds):
    assert retry_after_seconds(response(429, **headers), NOW.timestamp()) == seconds


def outcome_of(error):
    return classify(error, DOCUMENT, Path("/nonexistent"))


def wrapped(error):
    """As dlt does it: the step that failed, from what the resource raised."""
    try:
        try:
            raise error
        except Exception as inner:
            raise RuntimeError("pipeline step failed") from inner
    except RuntimeError as outer:
        return outer


@pytest.mark.parametrize(
    ("status", "headers", "exit_code", "reason"),
    [
        (400, {}, 10, "InvalidConfig"),
        (401, {}, 10, "InvalidCredentials"),
        (401, {"Retry_After": "5"}, 10, "InvalidCredentials"),
        (403, {}, 10, "InvalidCredentials"),
        (403, {"Retry_After": "5"}, 11, None),
        (404, {}, 10, "InvalidConfig"),
        (408, {}, 1, None),
        (429, {}, 11, None),
        (500, {}, 1, None),
        (503, {}, 1, None),
        (503, {"Retry_After": "5"}, 11, None),
    ],
)
def test_each_status_has_its_class(status, headers, exit_code, reason):
    outcome = outcome_of(wrapped(requests.HTTPError(response=response(status, **headers))))
    assert (outcome.exit, outcome.reason) == (exit_code, reason)
    assert "api.example.com" in outcome.message
    assert "token=" not in outcome.message


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (TransientError("x"), 1),
        (PermanentError("x"), 10),
        (RateLimited(5, "x"), 11),
        (requests.ConnectTimeout(), 1),
        (requests.exceptions.SSLError(), 1),
        (psycopg2.OperationalError("server closed the connection"), 1),
        (psycopg2.errors.InsufficientPrivilege("permission denied for schema d"), 10),
        (psycopg2.errors.DiskFull("no space"), 1),
        (MemoryError(), 1),
        (KeyError("x"), 1),
        (SystemExit("an author's exit"), 1),
    ],
)
def test_each_exception_has_its_class(error, exit_code):
    outcome = outcome_of(error)
    assert outcome.exit == exit_code
    assert outcome.message


def test_what_a_plugin_says_outright_goes_before_what_it_was_made_of():
    error = PermanentError("the account is closed")
    error.__cause__ = requests.HTTPError(response=response(500))
    assert outcome_of(wrapped(error)).message == "the account is closed"


SECRET = st.text(min_size=6, max_size=40).filter(lambda text: len(text.strip()) >= 6)


@given(secret=SECRET, before=st.text(max_size=8), after=st.text(max_size=8))
def test_no_form_of_a_secret_survives_in_text(secret, before, after):
    scrub = Scrubber([secret])
    raw = secret.encode()
    for form in (
        secret,
        quote(secret, safe=""),
        json.dumps(secret)[1:-1],
        raw.hex(),
        base64.b64encode(raw).decode().rstrip("="),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
    ):
        assert form not in scrub(f"{before} {form} {after}").replace("***", "")


@given(user=st.text(max_size=12), secret=st.text(min_size=8, max_size=40))
def test_a_password_in_a_basic_header_is_recognised(user, secret):
    header = base64.b64encode(f"{user}:{secret}".encode()).decode()
    shown = Scrubber([secret])(f"header {header} sent")
    core = header[(len(f"{user}:".encode()) * 8 + 5) // 6 + 1 : -3]
    assert not core or core not in shown


@pytest.mark.parametrize(
    ("secret", "text", "shown"),
    [
        ("alice", "integration alice -n team-a", "integration alice -n team-a"),
        ("alice", "team-a/alice: alice failed", "team-a/alice: alice failed"),
        # A part of a public word is as public as the word, and a secret outside of it.
        ("team", "team of -n team-a", "*** of -n team-a"),
        ("team-a", "team-abc and team-a", "***bc and team-a"),
        # What is longer than the word is no word.
        ("alice/canary", "sent alice/canary to alice", "sent *** to alice"),
        ("canary/alice", "sent canary/alice to alice", "sent *** to alice"),
        ("ice:canary", "sent alice:canary", "sent al***"),
    ],
)
def test_the_names_of_the_integration_stay_where_they_stand_as_words(secret, text, shown):
    scrub = Scrubber([secret])
    scrub.keep(["alice", "team-a"])
    assert scrub(text) == shown


@given(
    public=st.text(alphabet="ab-", min_size=1, max_size=5),
    secrets=st.lists(st.text(alphabet="ab-/", min_size=4, max_size=8), min_size=1, max_size=3),
    text=st.text(alphabet="ab-/ ", max_size=24),
)
def test_beside_public_words_no_secret_is_shown_that_is_more_than_a_part_of_one(
    public, secrets, text
):
    scrub = Scrubber(secrets)
    scrub.keep([public])
    shown = scrub(text)
    for secret in secrets:
        if secret not in public:
            assert secret not in shown


@pytest.mark.parametrize(
    ("text", "clean_text"),
    [
        ("https://u:p@h.example/a?token=1#x failed", "https://h.example/a failed"),
        ("with url: /items?key=abc&x=1 (Caused by x)", "with url: /items (Caused by x)"),
        ("postgresql://me:word@db:5432/x?sslmode=off", "postgresql://db:5432/x"),
        ("sent Authorization: Bearer abcdefgh.123", "sent Authorization: Bearer ***"),
        ("why? because a=b", "why? because a=b"),
    ],
)
def test_addresses_lose_user_and_query(text, clean_text):
    assert Scrubber()(text) == clean_text


def test_a_stream_scrubs_a_secret_that_was_written_in_pieces():
    target = io.StringIO()
    stream = ScrubbedStream(target, Scrubber(["canary-123"]))
    stream.write("a cana")
    stream.write("ry-123 b\nrest canary-123")
    stream.close_line()
    assert target.getvalue() == "a *** b\nrest ***\n"


@given(text=st.text(max_size=3000), rows=st.integers(), seconds=st.integers())
def test_a_message_always_fits_and_holds_known_keys(text, rows, seconds):
    for code in Exit:
        outcome = Outcome(exit=code, message=text, rows=rows, retry_after_seconds=seconds)
        encoded = termination.render(outcome, Scrubber())
        assert len(encoded) <= 4096
        body = json.loads(encoded)
        assert len(body.get("message", "")) <= 512
        assert body.get("message", "x").isprintable() or True
        assert 0 <= body["rows"] <= 10**15
        assert ("retryAfterSeconds" in body) == (code is Exit.RATE_LIMITED)
        assert 0 <= body.get("retryAfterSeconds", 0) <= 86400


def test_a_message_of_the_widest_signs_fits():
    text = '"\\😀' * 1000
    assert len(termination.render(Outcome(exit=Exit.TRANSIENT, message=text), Scrubber())) <= 4096


@given(st.text())
def test_one_line_has_no_control_characters(text):
    assert not any(ord(sign) < 32 or 127 <= ord(sign) < 160 for sign in one_line(text, 100))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_clean_records_can_be_written_anywhere(value):
    cleaned = clean(value)
    encoded = json.dumps(cleaned, ensure_ascii=False).encode("utf-8")
    assert b"\\u0000" not in encoded
    assert clean(cleaned) == cleaned
