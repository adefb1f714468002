"""A scripted GitHub, or Gitea, with the manners of the real ones: pages are capped whatever is asked
for, links carry a name of the server's own, pull requests are issues, too."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from spark_plugins.testing import Answer, json_answer

START = datetime(2026, 1, 1, tzinfo=UTC)


def at(minutes: int) -> str:
    """A time of the tests, as GitHub writes it."""
    return (START + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def issue(number: int, minutes: int, **fields) -> dict:
    return {"id": 1000 + number, "number": number, "title": f"issue {number}"} | {
        "created_at": at(number),
        "updated_at": at(minutes),
        **fields,
    }


def commit(sha: str, minutes: int) -> dict:
    return {"sha": sha, "commit": {"message": sha, "committer": {"date": at(minutes)}}}


class Repository:
    """The lists of one repository, to be changed between fetches."""

    def __init__(self, service, name="alice/shop", *, cap=30, own_name=None, base=""):
        self.issues, self.pulls, self.releases = [], [], []
        self.events, self.commits = [], []
        self.cap = cap
        self.own_name = own_name or service.url
        self.base = base
        self.name = name
        for path, answer in {
            "issues": self._issues,
            "pulls": self._pulls,
            "releases": lambda _: self.releases,
            "events": lambda _: self.events,
            "activities/feeds": lambda _: self.events,
            "commits": self._commits,
        }.items():
            service.on(f"{base}/repos/{name}/{path}", self._paged(path, answer))

    def _issues(self, query):
        since = query.get("since", "")
        found = [one for one in self.issues if one["updated_at"] >= since]
        return sorted(found, key=lambda one: one["created_at"])

    def _pulls(self, query):
        return sorted(self.pulls, key=lambda one: one["updated_at"], reverse=True)

    def _commits(self, query):
        found = self.commits
        if "not" in query:
            below = [one["sha"] for one in found].index(query["not"])
            found = found[:below]
        since = query.get("since", "")
        return [one for one in found if one["commit"]["committer"]["date"] >= since]

    def _paged(self, path, answer):
        def handle(request):
            page = int(request.query.get("page", 1))
            # Whatever per_page or limit says.
            found = answer(request.query)
            rows = found[(page - 1) * self.cap : page * self.cap]
            link = ""
            if page * self.cap < len(found):
                query = urlencode(request.query | {"page": page + 1})
                address = f"{self.own_name}{self.base}/repos/{self.name}/{path}?{query}"
                link = f'<{address}>; rel="next", <{address}>; rel="last"'
            return json_answer(json.loads(json.dumps(rows)), Link=link)

        return handle


def limited(status=403, body="API rate limit exceeded", **headers) -> Answer:
    return json_answer({"message": body}, status, **headers)
