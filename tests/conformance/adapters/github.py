"""`github`: the issues of a repository, by creation and in pages, with "since" by the second.

The other tables are lists in the same pages, and tests/runner/test_github.py has what they do
otherwise.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import urlencode

from spark_plugins.testing import Answer, Request, json_answer
from spark_plugins.testing.adapter import Adapter
from spark_plugins.testing.scene import Record, Scene

TOKEN = "canary-2b71-github-token"
PATH = "/repos/alice/shop/issues"


class GitHubAdapter(Adapter):
    plugin = "github"
    table, key, value = "issues", "number", "title"
    credentials: ClassVar = {"token": TOKEN}
    orders_versions = True
    drift_column = "reactions"
    skips = "unchanged records"
    without: ClassVar = {
        "records removed": "GitHub does not list the issues that were deleted or moved away",
    }

    def config(self, url: str) -> dict[str, Any]:
        return {"repositories": ["alice/shop"], "tables": ["issues"], "baseUrl": url}

    def answer(self, request: Request, scene: Scene) -> Answer:
        if request.header("Authorization") != f"Bearer {TOKEN}":
            return Answer(401)
        if request.path != PATH:
            return Answer(404)
        since = request.query.get("since", "")
        by_creation = sorted(scene.records, key=lambda record: record.number)
        pages = [
            [issue for record in page if (issue := _issue(record, scene))["updated_at"] >= since]
            for page in replace(scene, records=by_creation).pages()
        ]
        number = int(request.query.get("page", 1))
        link = ""
        if number < len(pages):
            link = f'<{PATH}?{urlencode(request.query | {"page": number + 1})}>; rel="next"'
        return json_answer(pages[number - 1], Link=link)


def _issue(record: Record, scene: Scene) -> dict[str, Any]:
    issue: dict[str, Any] = {
        "id": 1000 + record.number,
        "number": record.number,
        "title": record.text,
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": record.changed_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "comments": record.version,
    }
    if scene.drift:
        issue |= {"reactions": {"heart": 1}, "comments": "many"}
    return issue
