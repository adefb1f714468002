"""The one command of the way to a Spotify token, on a service that answers as Spotify does."""

from __future__ import annotations

import os
import subprocess
from urllib.parse import parse_qs

from tests.support.pages import DOCS, blocks

from spark_plugins.testing.service import Service, json_answer


def test_the_code_is_exchanged_for_a_refresh_token() -> None:
    (shown,) = blocks(DOCS / "plugins" / "spotify.md", "sh")
    with Service() as service:
        service.on("/api/token", json_answer({"refresh_token": "the-third-key"}))
        said = subprocess.run(
            ["bash", "-euc", shown.text.replace("https://accounts.spotify.com", service.url)],
            env={**os.environ, "ID": "the-app", "SECRET": "its-secret", "CODE": "the-code"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        (request,) = service.requests
    assert "the-third-key" in said
    assert request.header("Authorization").startswith("Basic ")
    assert parse_qs(request.body.decode())["code"] == ["the-code"]
