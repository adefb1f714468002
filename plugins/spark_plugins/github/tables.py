"""The five tables: how each list is asked for what is new.

A resource for each repository and table, since each has a place of its own: a repository that is
added later begins at its own beginning. They share the tables by their kind.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import dlt
from dlt.sources.helpers.rest_client.client import PageData, RESTClient
from requests import HTTPError

from spark_plugins.contract import Context
from spark_plugins.github.answers import Beginning, as_utc, explain
from spark_plugins.github.seen import Seen
from spark_plugins.rest.paging_config import LinkHeader
from spark_plugins.rest.signing import HeaderAuth, header_safe
from spark_plugins.rest.walk import Question, walk

if TYPE_CHECKING:
    from spark_plugins.github import GitHub

# Commits become part of a branch long after they were made, below newer ones.
COMMITS_BACK = timedelta(days=30)

# Both know the link; GitHub writes one with the number of the repository in its path, and Gitea
# one with the name in its settings, whatever it is called by.
_PAGING = LinkHeader(type="link_header", other_host="sameService", max_pages=10_000)


@dataclass(frozen=True, kw_only=True)
class _Repository:
    client: RESTClient
    name: str
    gitea: bool
    since: str | None
    log: logging.Logger

    def walk(
        self, path: str, params: dict[str, Any], ignore_status: tuple[int, ...] = ()
    ) -> Iterator[PageData[Any]]:
        question = Question(
            resource=f"{path} of {self.name}",
            path=f"repos/{self.name}/{path}",
            pagination=_PAGING,
            # Neither is believed: a server may cap it, or know the other word only.
            params=params | ({"limit": 50} if self.gitea else {"per_page": 100}),
            ignore_status=ignore_status,
            hooks=(explain(self.name),),
        )
        for page in walk(self.client, question):
            for record in page:
                if isinstance(record, dict):
                    record["repository_name"] = self.name
            yield page


def resources(
    config: GitHub.Config, credentials: GitHub.Credentials, context: Context
) -> list[Any]:
    """dlt resources, one for each repository and table, that share one pinned session."""
    gitea = config.server == "gitea"
    headers = {"Accept": "application/json" if gitea else "application/vnd.github+json"}
    if not gitea:
        headers["X-GitHub-Api-Version"] = "2022-11-28"
    auth = None
    if credentials.token is not None:
        token = header_safe("token", credentials.token.get_secret_value())
        auth = HeaderAuth("Authorization", f"{'token' if gitea else 'Bearer'} {token}")
    client = RESTClient(
        base_url=config.base_url,
        headers=headers,
        auth=auth,
        session=context.session(only=[config.base_url]),
    )
    return [
        _MAKERS[table](
            _Repository(client=client, name=name, gitea=gitea, since=config.since, log=context.log)
        )
        for name in config.repositories
        for table in config.tables
    ]


def _resource(repository: _Repository, table: str, pages: Callable[..., Any], **hints: Any) -> Any:
    return dlt.resource(
        pages,
        # The state is kept by this name; the service does not mind how it is written.
        name=f"{table} of {repository.name.lower()}",
        table_name=table,
        write_disposition="merge",
        primary_key=hints.pop("primary_key", "id"),
        **hints,
    )()


def _since(repository: _Repository) -> Any:
    return dlt.sources.incremental(
        "updated_at",
        initial_value=repository.since,
        # By all that it says: a second change within the same second arrives, and what has not
        # changed is not loaded again.
        primary_key=lambda record: record,
    )


def _changed(
    page: PageData[Any], beginning: Beginning, wanted: Callable[[Any], bool] = lambda _: True
) -> list[Any]:
    """The records of a page that count now, with their time in a form that can be compared."""
    beginning.see(page.response)
    kept = []
    for record in page:
        record["updated_at"] = as_utc(record.get("updated_at"))
        if wanted(record) and not beginning.left_for_later(record["updated_at"]):
            kept.append(record)
    return kept


def _issues(repository: _Repository) -> Any:
    def pages(since: Any = _since(repository)) -> Iterator[list[Any]]:  # noqa: B008
        # By creation, which never changes: sorted by change, a record that changes meanwhile goes
        # to another page, and the one after it slips through.
        params = {"state": "all", "sort": "created", "direction": "asc", "type": "issues"}
        if since.start_value is not None:
            params["since"] = _a_second_before(since.start_value)
        beginning = Beginning()
        # 410 where a repository has no issues.
        for page in repository.walk("issues", params, (410,)):
            # GitHub lists pull requests as issues, too; they have a table of their own.
            yield _changed(page, beginning, lambda record: not record.get("pull_request"))

    return _resource(repository, "issues", pages, columns={"updated_at": {"dedup_sort": "desc"}})


def _pull_requests(repository: _Repository) -> Any:
    def pages(since: Any = _since(repository)) -> Iterator[list[Any]]:  # noqa: B008
        # Nobody offers "since" here: from the newest change back to what is known. What changes
        # meanwhile comes to the front, so that the rest moves back and nothing slips through.
        sort = {"sort": "recentupdate"} if repository.gitea else {"sort": "updated"}
        beginning = Beginning()
        for page in repository.walk("pulls", {"state": "all", "direction": "desc"} | sort):
            times = [as_utc(record.get("updated_at")) or "" for record in page]
            yield _changed(page, beginning)
            in_order = times == sorted(times, reverse=True)
            if times and in_order and since.start_value and max(times) < since.start_value:
                # A server that does not sort is read to its end.
                return

    return _resource(
        repository, "pull_requests", pages, columns={"updated_at": {"dedup_sort": "desc"}}
    )


def _releases(repository: _Repository) -> Any:
    def pages() -> Iterator[list[Any]]:
        # A release that is edited keeps its place and its dates: the whole list, each time.
        seen = Seen(dlt.current.resource_state())
        for page in repository.walk("releases", {}):
            yield [record for record in page if seen.is_new(record)]
        seen.done()

    return _resource(repository, "releases", pages)


def _events(repository: _Repository) -> Any:
    def pages() -> Iterator[list[Any]]:
        state = dlt.current.resource_state()
        if repository.gitea:
            yield from _feed(repository, state)
        else:
            yield from _last_events(repository, state)

    return _resource(repository, "events", pages)


def _last_events(repository: _Repository, state: dict[str, Any]) -> Iterator[list[Any]]:
    """GitHub keeps 300, and some come hours late, below newer ones: all of them, each time."""
    seen = Seen(state)
    first = seen.first
    for page in repository.walk("events", {}):
        yield [record for record in page if seen.is_new(record.get("id"))]
    if not first and not seen.met:
        repository.log.warning(
            "Events of %s were missed: the service keeps only the last ones, and none of those "
            "from the fetch before is among them. Fetch more often.",
            repository.name,
        )
    seen.done()


def _feed(repository: _Repository, state: dict[str, Any]) -> Iterator[list[Any]]:
    """Gitea's feed goes back to the beginning; its numbers grow."""
    known = newest = state.get("newest", 0)
    for page in repository.walk("activities/feeds", {}):
        numbers = [int(record.get("id") or 0) for record in page]
        newest = max([newest, *numbers])
        yield [record for record, number in zip(page, numbers, strict=True) if number > known]
        if page and max(numbers) <= known:
            break
    state["newest"] = newest


def _commits(repository: _Repository) -> Any:
    def pages() -> Iterator[list[Any]]:
        state = dlt.current.resource_state()
        if repository.gitea:
            yield from _commits_not_below(repository, state)
        else:
            yield from _commits_since(repository, state)

    return _resource(repository, "commits", pages, primary_key=["repository_name", "sha"])


def _commits_since(repository: _Repository, state: dict[str, Any]) -> Iterator[list[Any]]:
    """GitHub's are asked for by date, from well before the newest one known."""
    seen = Seen(state)
    newest = state.get("newest")
    since = max(filter(None, (_before(newest, COMMITS_BACK), repository.since)), default=None)
    for page in repository.walk("commits", {"since": since} if since else {}, (409,)):
        new = []
        for record in page:
            record["committed_at"] = _committed_at(record)
            newest = max(filter(None, (newest, record["committed_at"])), default=None)
            border = _before(newest, COMMITS_BACK)
            keep = border is None or (record["committed_at"] or border) >= border
            if seen.is_new(record.get("sha"), keep=keep):
                new.append(record)
        yield new
    if newest is not None:
        state["newest"] = newest
    seen.done()


def _commits_not_below(repository: _Repository, state: dict[str, Any]) -> Iterator[list[Any]]:
    """Gitea's are asked for by what they are not below: the last one of the fetch before."""
    head = state.get("head")
    fast: dict[str, Any] = {"stat": "false", "verification": "false", "files": "false"}
    newest = None
    try:
        pages = repository.walk("commits", fast | ({"not": head} if head else {}), (409,))
        page = next(pages, None)
    except HTTPError:
        if head is None:
            raise
        # The history was written anew, and the commit is gone.
        pages = repository.walk("commits", fast, (409,))
        page = next(pages, None)
    while page is not None:
        kept = []
        for record in page:
            newest = newest or record.get("sha")
            record["committed_at"] = _committed_at(record)
            if repository.since is None or (record["committed_at"] or "") >= repository.since:
                kept.append(record)
        yield kept
        page = next(pages, None)
    if newest is not None:
        state["head"] = newest


def _committed_at(record: Any) -> str | None:
    commit = record.get("commit") or {}
    return as_utc((commit.get("committer") or {}).get("date"))


def _a_second_before(moment: str) -> str:
    """Some take "since" with the moment itself, some without: so both give what changed in it."""
    return _before(moment, timedelta(seconds=1)) or moment


def _before(moment: str | None, span: timedelta) -> str | None:
    if moment is None:
        return None
    return (datetime.fromisoformat(moment) - span).strftime("%Y-%m-%dT%H:%M:%SZ")


_MAKERS: dict[str, Callable[[_Repository], Any]] = {
    "events": _events,
    "issues": _issues,
    "pull_requests": _pull_requests,
    "releases": _releases,
    "commits": _commits,
}
