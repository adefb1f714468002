"""`github` from end to end: every record once, in its newest version, and nothing twice."""

import time

import pytest
from tests.support.github import Repository, at, commit, issue, limited


@pytest.fixture
def github(pod, service):
    pod.service = "github"
    pod.config = {"baseUrl": service.url, "repositories": ["alice/shop"]}
    pod.destination["dataset"] = "team_a_shop"
    return pod


@pytest.fixture
def repository(service):
    return Repository(service)


def only(pod, table):
    pod.config["tables"] = [table]


def test_an_issue_is_updated_in_postgres(warehouse, repository, service, postgres):
    github, dataset = warehouse, warehouse.destination["dataset"]
    github.service = "github"
    github.config = {"baseUrl": service.url, "repositories": ["alice/shop"]}
    repository.issues = [issue(1, 5, labels=[{"name": "a"}], user={"login": "alice"})]
    repository.commits = [commit("b", 9)]
    github.config["tables"] = ["issues", "commits"]
    assert github.fetch().message == {"rows": 2}
    repository.issues[0] |= {"title": "edited", "updated_at": at(100)}
    assert github.fetch().message == {"rows": 1}
    assert postgres.rows(f'SELECT title, labels, "user" FROM {dataset}.issues') == [
        ("edited", [{"name": "a"}], {"login": "alice"})
    ]


def test_all_tables_are_filled_and_a_second_fetch_without_news_loads_nothing(github, repository):
    repository.issues = [issue(1, 5), issue(2, 7, pull_request={"url": "x"})]
    repository.pulls = [issue(2, 7, merged_at=None)]
    repository.releases = [{"id": 1, "tag_name": "v1", "assets": [{"name": "a"}]}]
    repository.events = [{"id": "9", "type": "PushEvent", "payload": {"x": 1}}]
    repository.commits = [commit("b", 9), commit("a", 3)]
    assert github.fetch().message == {"rows": 6}
    for table in ("issues", "pull_requests", "releases", "events"):
        assert github.rows(f"SELECT count(*) FROM team_a_shop.{table}") == [(1,)], table
    assert github.rows("SELECT repository_name, sha FROM team_a_shop.commits ORDER BY sha") == [
        ("alice/shop", "a"),
        ("alice/shop", "b"),
    ]
    assert github.fetch().message == {"rows": 0}


@pytest.mark.parametrize("plugin", ["github", "rest"])
def test_of_250_issues_exactly_the_5_that_were_edited_are_loaded_again(
    github, repository, service, plugin
):
    repository.issues = [issue(number, number) for number in range(1, 251)]
    only(github, "issues")
    if plugin == "rest":
        github.service = "rest"
        github.config = {
            "baseUrl": service.url,
            "pagination": {"type": "link_header"},
            "resources": [
                {
                    "name": "issues",
                    "path": "repos/alice/shop/issues",
                    "params": {"state": "all", "sort": "created", "direction": "asc"},
                    "primaryKey": ["id"],
                    "incremental": {"cursorPath": "updated_at", "startParam": "since"},
                }
            ],
        }
    assert github.fetch().message == {"rows": 250}
    before = dict(github.rows("SELECT number, _dlt_load_id FROM team_a_shop.issues"))
    for number in (3, 60, 61, 200, 250):
        repository.issues[number - 1] |= {"title": "edited", "updated_at": at(1000 + number)}
    assert github.fetch().message == {"rows": 5}
    after = dict(github.rows("SELECT number, _dlt_load_id FROM team_a_shop.issues"))
    assert len(after) == 250
    assert {number for number in after if after[number] != before[number]} == {3, 60, 61, 200, 250}
    assert github.rows("SELECT count(*) FROM team_a_shop.issues WHERE title = 'edited'") == [(5,)]


def test_a_second_change_within_one_second_arrives(github, repository):
    only(github, "issues")
    repository.issues = [issue(1, 5), issue(2, 5)]
    assert github.fetch().message == {"rows": 2}
    repository.issues[0]["title"] = "changed in the same second"
    assert github.fetch().message == {"rows": 1}


def test_a_repository_that_is_added_later_begins_at_its_own_beginning(github, repository, service):
    only(github, "issues")
    repository.issues = [issue(1, 500)]
    assert github.fetch().message == {"rows": 1}
    other = Repository(service, "alice/older")
    other.issues = [issue(7, 2)]
    github.config["repositories"].append("alice/older")
    assert github.fetch().message == {"rows": 1}
    assert github.rows("SELECT repository_name FROM team_a_shop.issues WHERE number = 7") == [
        ("alice/older",)
    ]


def test_pull_requests_are_read_back_to_the_last_change_known(github, repository, service):
    only(github, "pull_requests")
    repository.cap = 5
    repository.pulls = [issue(number, number) for number in range(1, 41)]
    assert github.fetch().message == {"rows": 40}
    asked = len(service.requests)
    repository.pulls[0] |= {"title": "merged", "updated_at": at(900)}
    assert github.fetch().message == {"rows": 1}
    assert len(service.requests) - asked == 2


def test_an_edited_release_is_the_only_one_loaded_again(github, repository):
    only(github, "releases")
    repository.releases = [{"id": number, "name": f"v{number}"} for number in range(50)]
    assert github.fetch().message == {"rows": 50}
    repository.releases[40]["name"] = "v40, mended"
    assert github.fetch().message == {"rows": 1}
    assert github.rows("SELECT name FROM team_a_shop.releases WHERE id = 40") == [("v40, mended",)]


def test_commits_that_join_a_branch_below_newer_ones_arrive(github, repository, service):
    only(github, "commits")
    day = 24 * 60
    repository.commits = [commit("c", 90 * day), commit("a", 1 * day)]
    assert github.fetch().message == {"rows": 2}
    # Made before the newest one known, merged after it was fetched.
    repository.commits.insert(1, commit("b", 70 * day))
    assert github.fetch().message == {"rows": 1}
    assert service.requests[-1].query["since"] == at(60 * day)
    assert github.fetch().message == {"rows": 0}


def test_commits_of_gitea_are_asked_for_by_what_they_are_not_below(github, repository, service):
    only(github, "commits")
    github.config["server"] = "gitea"
    repository.commits = [commit("c", 90), commit("a", 1)]
    assert github.fetch().message == {"rows": 2}
    repository.commits.insert(0, commit("d", 2))
    assert github.fetch().message == {"rows": 1}
    assert [request.query.get("not") for request in service.requests] == [None, "c"]
    assert github.fetch().message == {"rows": 0}
    # A rewritten history, in which the last one is gone: everything once more.
    repository.commits = [commit("e", 3), commit("a", 1)]
    service.on(
        "/repos/alice/shop/commits",
        lambda r: (
            limited(422, "no such commit")
            if "not" in r.query
            else repository._paged("commits", lambda _: repository.commits)(r)
        ),
    )
    assert github.fetch().message == {"rows": 2}


def test_events_are_loaded_once_and_missed_ones_are_warned_of(github, repository):
    only(github, "events")
    repository.events = [{"id": str(number)} for number in (3, 2, 1)]
    assert github.fetch().message == {"rows": 3}
    repository.events = [{"id": str(number)} for number in (5, 4, 3, 2)]
    ended = github.fetch()
    assert ended.message == {"rows": 2}
    assert "were missed" not in ended.stderr
    # Late, below newer ones.
    repository.events.insert(3, {"id": "0"})
    assert github.fetch().message == {"rows": 1}
    repository.events = [{"id": "99"}]
    assert "Events of alice/shop were missed" in github.fetch().stderr


def test_the_feed_of_gitea_is_read_back_to_the_last_one_known(github, repository, service):
    only(github, "events")
    github.config["server"] = "gitea"
    repository.cap = 2
    repository.events = [{"id": number, "op_type": "x"} for number in range(9, 0, -1)]
    assert github.fetch().message == {"rows": 9}
    asked = len(service.requests)
    repository.events.insert(0, {"id": 10, "op_type": "x"})
    assert github.fetch().message == {"rows": 1}
    assert len(service.requests) - asked == 2


@pytest.mark.parametrize("status", [403, 429])
def test_a_used_up_limit_waits_until_the_service_begins_anew(github, service, status):
    reset = str(int(time.time()) + 1800)
    service.on(
        "/repos/alice/shop/issues",
        limited(status, X_RateLimit_Remaining="0", X_RateLimit_Reset=reset),
    )
    only(github, "issues")
    ended = github.fetch()
    assert ended.exit == 11
    assert 1700 <= ended.message["retryAfterSeconds"] <= 1801
    service.on("/repos/alice/shop/issues", limited(status, Retry_After="77"))
    assert github.fetch().message["retryAfterSeconds"] == 77
    service.on("/repos/alice/shop/issues", limited(status, "secondary rate limit"))
    ended = github.fetch()
    assert (ended.exit, ended.message["retryAfterSeconds"]) == (11, 60)


def test_a_refused_token_is_named_and_seen_nowhere(github, service):
    github.secret(token="ghp_canary0123456789")
    only(github, "issues")
    service.on("/repos/alice/shop/issues", limited(401, "Bad credentials ghp_canary0123456789"))
    ended = github.fetch()
    assert (ended.exit, ended.message["reason"]) == (10, "InvalidCredentials")
    assert 'Secret "alice-secret"' in ended.said
    assert "canary" not in ended.stderr + ended.stdout + ended.raw.decode()


def test_a_repository_without_anything_warns_at_first(github, repository):
    only(github, "issues")
    ended = github.fetch()
    assert (ended.exit, ended.message["rows"]) == (0, 0)
    assert "no records" in ended.said
