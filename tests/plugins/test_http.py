"""The session: bounded in time and size, and loyal to one host."""

import gzip
import threading
import time

import pytest
import requests

from spark_plugins import http
from spark_plugins.errors import PermanentError, TransientError
from spark_plugins.http import Session
from spark_plugins.testing import Answer, Service, json_answer


@pytest.fixture(autouse=True)
def no_delay(monkeypatch):
    monkeypatch.setattr(http, "RETRY_DELAY_SECONDS", 0.0)


def session(**settings):
    return Session(deadline=time.monotonic() + settings.pop("seconds", 30), **settings)


def test_a_body_beyond_the_bound_is_refused_even_if_it_was_small_on_the_way(service):
    bomb = gzip.compress(b"0" * 3_000_000)
    service.on("/", Answer(200, bomb, {"Content-Encoding": "gzip"}))
    with pytest.raises(PermanentError, match="larger than 1 MiB"):
        session(max_body_bytes=1024 * 1024).get(f"{service.url}/")


def test_a_server_that_drips_is_left_at_the_deadline(service):
    pause = threading.Event()

    def drip():
        while not pause.wait(0.02):
            yield b"." * 70_000

    service.on("/", lambda _: Answer(200, drip()))
    with pytest.raises(TransientError, match="too slowly"):
        session(seconds=0.2).get(f"{service.url}/")


def test_an_outage_is_asked_twice(service):
    answers = iter([Answer(503), json_answer({"ok": True})])
    service.on("/", lambda _: next(answers))
    assert session().get(f"{service.url}/").json() == {"ok": True}


@pytest.mark.parametrize(
    "answer", [Answer(429), Answer(503, headers={"Retry-After": "9"}), Answer(404), Answer(401)]
)
def test_what_a_second_time_would_not_mend_is_asked_once(service, answer):
    service.on("/", answer)
    assert session().get(f"{service.url}/").status_code == answer.status
    assert len(service.requests) == 1


def test_a_post_is_never_repeated(service):
    service.on("/", Answer(503))
    session().post(f"{service.url}/")
    assert len(service.requests) == 1


def test_an_answer_that_breaks_off_is_an_error_of_the_connection(service):
    service.on("/", Answer(200, b"half", {"Content-Length": "100"}))
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        session().get(f"{service.url}/")
    assert len(service.requests) == 2


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_pinned_session_follows_no_redirect_to_another_host(service, status):
    with Service("127.0.0.2") as other:
        service.on("/", Answer(status, headers={"Location": f"{other.url}/x"}))
        with pytest.raises(PermanentError, match=r"127\.0\.0\.2"):
            session(only=[service.url]).get(f"{service.url}/", headers={"X-Key": "k"})
        assert other.requests == []


def test_a_pinned_session_follows_redirects_at_home(service):
    service.on("/", Answer(302, headers={"Location": "/new"}))
    service.on("/new", json_answer([]))
    assert session(only=[f"{service.url}/v1"]).get(f"{service.url}/").json() == []


@pytest.mark.parametrize(
    ("home", "target", "allowed"),
    [
        ("http://a.example", "https://a.example/x", True),
        ("https://a.example", "https://A.example:443/x", True),
        ("https://a.example", "http://a.example/x", False),
        ("https://a.example", "https://a.example:8443/x", False),
        ("https://a.example", "https://a.example.evil.net/x", False),
        ("https://a.example", "https://a.example@evil.net/x", False),
    ],
)
def test_home_is_scheme_host_and_port(home, target, allowed):
    adapter = session(only=[home]).get_adapter("https://")
    request = requests.Request("GET", target).prepare()
    if allowed:
        adapter._keep_at_home(request)
    else:
        with pytest.raises(PermanentError):
            adapter._keep_at_home(request)


def test_a_password_file_of_the_home_is_not_read(service, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    service.on("/", json_answer([]))
    session().get(f"{service.url}/")
    assert service.requests[0].header("Authorization") is None


def test_an_address_for_people_has_no_user_and_no_query():
    assert http.show("https://u:p@h.example:8/a?token=1#x") == "https://h.example:8/a"
