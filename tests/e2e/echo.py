"""A service that repeats whatever it is told, as careless ones do. Runs in a pod, on the standard library.

The first part of the path says what it does with it:

    /ok/…       answers what a plugin wants
    /refuse/…   401, and everything that it was sent
    /break/…    500, and everything that it was sent
    /turn/…     a redirect that no client follows, with the Authorization header in it
    /rotate/token
                the refresh token that it gave last, or any at first: an access token and the next one
    /seen       every request of others so far
"""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from urllib.parse import parse_qs, urlsplit

CALENDAR = """BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:-//echo//echo//EN\r
BEGIN:VEVENT\r
UID:one\r
DTSTAMP:20260101T000000Z\r
DTSTART:20260101T100000Z\r
RRULE:FREQ=WEEKLY\r
SUMMARY:Breakfast\r
END:VEVENT\r
END:VCALENDAR\r
"""

lock = Lock()
seen: list[str] = []
given: list[str] = []


class Echo(BaseHTTPRequestHandler):
    """One request, whatever its method."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode(
            "utf-8", "replace"
        )
        path = urlsplit(self.path).path
        behaviour = path.split("/")[1]
        if path == "/seen":
            self._say(200, json.dumps(seen))
            return
        told = json.dumps([self.command, self.path, self.headers.items(), body])
        if path != "/healthz":
            with lock:
                seen.append(told)
        if behaviour == "refuse":
            self._say(401, told)
        elif behaviour == "break":
            self._say(500, told)
        elif behaviour == "turn":
            self._say(302, told, Location="ftp://" + self.headers.get("Authorization", ""))
        elif behaviour == "rotate":
            self._rotate(parse_qs(body)["refresh_token"][0])
        elif path.endswith(".ics"):
            self._say(200, CALENDAR)
        elif path.endswith("/token"):
            self._say(200, json.dumps({"access_token": "access", "token_type": "bearer"}))
        elif path.endswith("/items"):
            self._say(200, json.dumps([{"id": 1, "name": "one"}]))
        else:
            self._say(200, "[]")

    def _rotate(self, token: str) -> None:
        with lock:
            good = token in given[-1:] or not given
            if good:
                given.append(f"refresh-{len(given) + 1}")
        if good:
            tokens = {"access_token": "access", "refresh_token": given[-1]}
            self._say(200, json.dumps({**tokens, "token_type": "bearer"}))
        else:
            self._say(400, json.dumps({"error": "invalid_grant"}))

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = do_REPORT = do_PROPFIND = answer  # noqa: N815

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing: its log is not what is searched."""

    def _say(self, status: int, text: str, **headers: str) -> None:
        body = text.encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer(("0.0.0.0", 8000), Echo).serve_forever()
