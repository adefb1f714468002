"""`github`: what it asks for, what it makes of the answers, and what it refuses."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from pydantic import ValidationError
from tests.plugins.conftest import records_of
from tests.support.github import Repository, at, commit, issue, limited

from spark_plugins.errors import PermanentError, RateLimited
from spark_plugins.github import GitHub
from spark_plugins.testing import Answer, Service, json_answer


@pytest.fixture
def fetch_table(service, context):
    """The records of one table of one repository."""

    def fetch_table(table, token=None, **config):
        settings = {"baseUrl": service.url, "repositories": ["alice/shop"], "tables": [table]}
        plugin = GitHub()
        (resource,) = plugin.fetch_data(
            GitHub.Config.model_validate(settings | config),
            GitHub.Credentials(token=token),
            context,
        )
        return records_of(resource)

    return fetch_table


def test_a_server_that_caps_pages_and_ignores_per_page_loses_no_issue(service, fetch_table):
    repository = Repository(service, cap=30)
    repository.issues = [issue(number, number) for number in range(1, 251)]
    records = fetch_table("issues")
    assert [record["number"] for record in records] == list(range(1, 251))
    assert service.requests[0].query["per_page"] == "100"
    assert len(service.requests) == 9


def test_a_server_that_calls_itself_by_another_name_is_asked_by_the_name_it_was_called(
    service, fetch_table
):
    repository = Repository(
        service, cap=5, own_name="https://git.example.com/under", base="/api/v1"
    )
    repository.issues = [issue(number, number) for number in range(1, 13)]
    records = fetch_table("issues", token="canary", server="gitea", baseUrl=f"{service.url}/api/v1")
    assert len(records) == 12
    assert {request.header("Authorization") for request in service.requests} == {"token canary"}


def test_the_token_goes_to_no_other_host(service, fetch_table):
    with Service("127.0.0.2") as other:
        repository = Repository(service, cap=5, own_name=other.url)
        repository.issues = [issue(number, number) for number in range(1, 13)]
        assert len(fetch_table("issues", token="canary")) == 12
        service.on(
            "/repos/alice/shop/releases",
            Answer(301, headers={"Location": f"{other.url}/repos/alice/shop/releases"}),
        )
        with pytest.raises(PermanentError, match=r"127\.0\.0\.2"):
            fetch_table("releases", token="canary")
        assert other.requests == []
    assert service.requests[0].header("Authorization") == "Bearer canary"


def test_a_link_to_itself_ends_with_a_clear_error(service, fetch_table):
    service.on(
        "/repos/alice/shop/releases",
        lambda r: json_answer([{"id": 1}], Link='<?per_page=100>; rel="next"'),
    )
    with pytest.raises(PermanentError, match=r"releases of alice/shop.*lead in a circle"):
        fetch_table("releases")
    assert len(service.requests) == 1


def test_an_empty_link_behind_the_end_is_an_end(service, fetch_table):
    service.on("/repos/alice/shop/releases", json_answer([{"id": 1}], Link=""))
    assert len(fetch_table("releases")) == 1


def test_a_list_that_is_cut_is_an_error(service, fetch_table):
    def releases(request):
        if int(request.query.get("page", 1)) > 10:
            return json_answer({"message": "Only the first 1000 results are available."}, 422)
        page = int(request.query.get("page", 1))
        return json_answer([{"id": page}], Link=f'<?page={page + 1}>; rel="next"')

    service.on("/repos/alice/shop/releases", releases)
    with pytest.raises(PermanentError, match="cuts long lists"):
        fetch_table("releases")


def test_pull_requests_are_no_issues(service, fetch_table):
    repository = Repository(service)
    repository.issues = [issue(1, 1), issue(2, 2, pull_request={"url": "x"})]
    assert [record["number"] for record in fetch_table("issues")] == [1]


def test_without_a_token_none_is_sent(service, fetch_table):
    Repository(service)
    assert fetch_table("issues") == []
    assert service.requests[0].header("Authorization") is None
    assert service.requests[0].header("X-GitHub-Api-Version") == "2022-11-28"


def test_each_record_names_its_repository(service, fetch_table):
    Repository(service).releases = [{"id": 1}]
    assert fetch_table("releases") == [{"id": 1, "repository_name": "alice/shop"}]


def test_times_of_another_zone_are_written_as_utc(service, fetch_table):
    service.on(
        "/repos/alice/shop/issues",
        json_answer([{"id": 1, "updated_at": "2026-03-29T03:30:00+02:00"}]),
    )
    (record,) = fetch_table("issues", server="gitea")
    assert record["updated_at"] == "2026-03-29T01:30:00Z"


def test_what_changes_while_pages_are_read_is_left_for_the_next_fetch(service, fetch_table):
    """Else its time moves the cursor past a change on a page that was read before it."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def issues(request):
        if "page" in request.query:
            later = datetime.fromtimestamp(datetime.now(UTC).timestamp() + 1, UTC)
            changed = later.strftime("%Y-%m-%dT%H:%M:%SZ")
            return json_answer([issue(3, 0, updated_at=changed), issue(4, 4)])
        return json_answer([issue(1, 1), issue(2, 0, updated_at=now)], Link='<?page=2>; rel="next"')

    service.on("/repos/alice/shop/issues", issues)
    assert [record["number"] for record in fetch_table("issues")] == [1, 2, 4]


def test_a_clock_that_is_wrong_leaves_nothing_out(service, fetch_table):
    ahead = "2031-01-01T00:00:00Z"
    service.on("/repos/alice/shop/issues", json_answer([issue(1, 0, updated_at=ahead)]))
    assert len(fetch_table("issues")) == 1


@pytest.mark.parametrize("table", ["issues", "commits"])
def test_older_records_are_not_asked_for(service, fetch_table, table):
    repository = Repository(service)
    repository.issues = [issue(1, 1), issue(2, 90)]
    repository.commits = [commit("b", 90), commit("a", 1)]
    assert len(fetch_table(table, since=at(60))) == 1


def test_pull_requests_are_read_back_to_what_is_older(service, fetch_table):
    repository = Repository(service, cap=2)
    repository.pulls = [issue(number, number) for number in range(1, 21)]
    records = fetch_table("pull_requests", since=at(16))
    assert [record["number"] for record in records] == [20, 19, 18, 17, 16]
    assert len(service.requests) == 4


def test_a_server_that_does_not_sort_is_read_to_its_end(service, fetch_table):
    repository = Repository(service, cap=2)
    repository.pulls = [issue(n, m) for n, m in ((1, 1), (2, 2), (3, 3), (4, 90))]
    repository._pulls = None
    service.on(
        "/repos/alice/shop/pulls", repository._paged("pulls", lambda _query: repository.pulls)
    )
    assert [record["number"] for record in fetch_table("pull_requests", since=at(60))] == [4]


@pytest.mark.parametrize(
    ("table", "path", "status"), [("commits", "commits", 409), ("issues", "issues", 410)]
)
def test_an_empty_repository_is_an_empty_list(service, fetch_table, table, path, status):
    service.on(f"/repos/alice/shop/{path}", json_answer({"message": "empty"}, status))
    assert fetch_table(table) == []


def test_a_repository_that_is_not_there_is_named(fetch_table):
    with pytest.raises(PermanentError, match="alice/shop is not there, or the token") as error:
        fetch_table("issues")
    assert error.value.reason == "InvalidConfig"


@pytest.mark.parametrize("status", [403, 429])
def test_a_secondary_limit_that_names_no_time_waits_a_minute(service, fetch_table, status):
    service.on(
        "/repos/alice/shop/issues", limited(status, "You have exceeded a secondary rate limit")
    )
    with pytest.raises(RateLimited) as error:
        fetch_table("issues")
    assert error.value.retry_after_seconds == 60


@pytest.mark.parametrize(
    ("config", "fault"),
    [
        ({"repositories": ["alice"]}, "repositories"),
        ({"repositories": ["alice/.."]}, "is no repository"),
        ({"repositories": ["alice/shop", "Alice/Shop"]}, "twice"),
        ({"repositories": []}, "repositories"),
        ({"tables": ["stars"]}, "tables"),
        ({"tables": ["issues", "issues"]}, "twice"),
        ({"since": "yesterday"}, "since"),
        ({"server": "gitea"}, "needs baseUrl"),
        ({"baseUrl": "https://token@github.example.com/api/v3"}, "baseUrl"),
        ({"token": "x"}, "token"),
    ],
)
def test_what_cannot_be_meant_is_refused(config, fault):
    with pytest.raises(ValidationError, match=fault):
        GitHub.Config.model_validate({"repositories": ["alice/shop"]} | config)


def test_a_token_with_a_line_break_is_refused_without_repeating_it(fetch_table):
    with pytest.raises(PermanentError, match='"token" holds line breaks') as error:
        fetch_table("issues", token="canary\nX: 1")
    assert "canary" not in str(error.value)


def test_every_repository_and_table_has_a_place_of_its_own(service, context):
    config = GitHub.Config(repositories=["a/b", "A/c"], tables=["issues", "commits"])
    made = GitHub().fetch_data(config, SimpleNamespace(token=None), context)
    assert [(resource.name, resource.table_name) for resource in made] == [
        ("issues of a/b", "issues"),
        ("commits of a/b", "commits"),
        ("issues of a/c", "issues"),
        ("commits of a/c", "commits"),
    ]
