"""A real Gitea on loopback, its records in a database of a real PostgreSQL."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from dev.gitea import Gitea
from tests.support import postgres
from tests.support.process import free_port
from tests.support.waiting import until

USER, PASSWORD = "alice", "canary-of-alice"
ZONE = "Asia/Kolkata"

SETTINGS = """
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
RUN_MODE = prod
[server]
HTTP_ADDR = 127.0.0.1
HTTP_PORT = {port}
ROOT_URL = http://127.0.0.1:{port}/
STATIC_ROOT_PATH = {files}
DISABLE_SSH = true
OFFLINE_MODE = true
[database]
DB_TYPE = postgres
HOST = 127.0.0.1:{database.port}
NAME = {name}
USER = {database.user}
PASSWD = {database.password}
SSL_MODE = disable
[security]
INSTALL_LOCK = true
PASSWORD_HASH_ALGO = pbkdf2$1$8
[oauth2]
INVALIDATE_REFRESH_TOKENS = true
[indexer]
ISSUE_INDEXER_TYPE = db
[actions]
ENABLED = false
[log]
LEVEL = Warn
"""


@dataclass
class Server:
    """`api` is the address that a plugin is given, `token` one that may read and write all."""

    api: str
    token: str
    _database: postgres.Server
    _name: str
    _session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self._session.headers["Authorization"] = f"token {self.token}"

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        response = self._session.request(method, f"{self.api}/{path}", json=body, timeout=30)
        assert response.ok, (method, path, response.status_code, response.text)
        return response.json()

    def repository(self, name: str, issues: int = 0) -> str:
        """A repository with so many issues; the name as an owner's."""
        self.ask("POST", "user/repos", {"name": name, "auto_init": True})
        full = f"{USER}/{name}"
        for number in range(1, issues + 1):
            self.ask("POST", f"repos/{full}/issues", {"title": f"issue {number}"})
        return full

    def spread(self) -> None:
        """Let the last change of each issue lie days back, ten minutes from one to the next, as if
        they were not all made within a minute."""
        connection = self._database.connect(self._name)
        with connection, connection.cursor() as cursor:
            cursor.execute("UPDATE issue SET updated_unix = created_unix - 864000 + index * 600")
        connection.close()

    def authorised(self) -> dict[str, str]:
        """The keys of a client that the user has let in, with a refresh token that is good once."""
        back = "https://app.example.org/back"
        body = {"name": "spark", "redirect_uris": [back], "confidential_client": True}
        client = self.ask("POST", "user/applications/oauth2", body)
        named = {"client_id": client["client_id"], "redirect_uri": back, "state": "s"}
        web = self.api.removesuffix("/api/v1")
        with requests.Session() as browser:
            form = {"user_name": USER, "password": PASSWORD}
            browser.post(f"{web}/user/login", data=form, timeout=30).raise_for_status()
            asked = named | {"response_type": "code", "scope": "read:issue read:repository"}
            browser.get(f"{web}/login/oauth/authorize", params=asked, timeout=30).raise_for_status()
            granted = named | {"granted": "true", "scope": asked["scope"]}
            sent_back = browser.post(
                f"{web}/login/oauth/grant", data=granted, timeout=30, allow_redirects=False
            )
        code = parse_qs(urlsplit(sent_back.headers["Location"]).query)["code"]
        keys = {"client_id": client["client_id"], "client_secret": client["client_secret"]}
        form = keys | {"grant_type": "authorization_code", "code": code, "redirect_uri": back}
        given = requests.post(f"{web}/login/oauth/access_token", data=form, timeout=30)
        given.raise_for_status()
        return keys | {"refresh_token": given.json()["refresh_token"]}

    def wait_told(self, repository: str, commit: str) -> None:
        """Until the feed tells of a commit: Gitea takes pushes from a queue, when it has time."""

        def told() -> bool:
            return commit in json.dumps(self.ask("GET", f"repos/{repository}/activities/feeds"))

        until(told, 30, f"the feed does not tell of {commit}")

    def edit(self, repository: str, number: int, title: str) -> None:
        self.ask("PATCH", f"repos/{repository}/issues/{number}", {"title": title})


@contextmanager
def running(base: Path, gitea: Gitea, database: postgres.Server) -> Iterator[Server]:
    """A server in a folder and a database of its own, for as long as the block lasts."""
    name = f"gitea_{os.getpid()}"
    database.rows(f"CREATE DATABASE {name}")
    port = free_port()
    settings = base / "app.ini"
    settings.write_text(SETTINGS.format(port=port, files=gitea.files, database=database, name=name))
    # Of nobody's configuration of git, and in a zone in which times are not what they are in UTC.
    environment = {"PATH": os.environ["PATH"], "HOME": str(base), "TZ": ZONE}

    def command(*arguments: str) -> list[str]:
        return [str(gitea.program), *arguments, "--config", str(settings), "--work-path", str(base)]

    def once(*arguments: str) -> str:
        result = subprocess.run(
            command(*arguments), env=environment, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
        return result.stdout

    once("migrate")
    user = ("admin", "user", "create", "--username", USER, "--password", PASSWORD)
    once(*user, "--email", "alice@example.org", "--must-change-password=false")
    token = ("admin", "user", "generate-access-token", "--username", USER)
    said = once(*token, "--token-name", "tests", "--scopes", "all", "--raw")
    log = base / "web.log"
    with log.open("wb") as written:
        process = subprocess.Popen(command("web"), env=environment, stdout=written, stderr=written)
    try:
        # Warnings of the log come before it.
        server = Server(f"http://127.0.0.1:{port}/api/v1", said.split()[-1], database, name)

        def answers() -> bool:
            assert process.poll() is None, log.read_text()[-2000:]
            try:
                return requests.get(f"{server.api}/version", timeout=5).ok
            except requests.RequestException:
                return False

        until(answers, 60, lambda: log.read_text()[-2000:])
        yield server
    finally:
        process.terminate()
        try:
            process.wait(20)
        finally:
            process.kill()
            process.wait(5)
