"""`rest` from end to end: what the settings of a resource do to its table."""

import json

import pytest

from spark_plugins.testing import Answer, Service, json_answer


@pytest.fixture
def resource(rest):
    """The one resource of the pod, to be changed."""
    return rest.config["resources"][0]


def test_a_record_at_the_boundary_is_loaded_again_only_if_it_has_changed(rest, resource, service):
    resource["incremental"] = {"cursorPath": "changed", "startParam": "since"}
    old = [{"id": 1, "changed": "2026-01-02"}, {"id": 2, "changed": "2026-01-02"}]
    service.on("/items", json_answer(old))
    assert rest.fetch().message == {"rows": 2}
    assert rest.fetch().message == {"rows": 0}
    service.on("/items", json_answer([old[0], old[1] | {"v": "within the same day"}]))
    assert rest.fetch().message == {"rows": 1}
    assert rest.rows("SELECT id, v FROM team_a_alice.items ORDER BY id") == [
        (1, None),
        (2, "within the same day"),
    ]


def test_a_lag_asks_again_for_what_came_shortly_before(rest, resource, service):
    resource["incremental"] = {"cursorPath": "at", "startParam": "since", "lag": 3600}
    service.on("/items", json_answer([{"id": 1, "at": "2026-01-02T10:00:00Z"}]))
    assert rest.fetch().exit == 0
    late = {"id": 2, "at": "2026-01-02T09:30:00Z"}
    too_late = {"id": 3, "at": "2026-01-02T08:30:00Z"}
    service.on("/items", json_answer([late, too_late]))
    assert rest.fetch().message == {"rows": 1}
    assert service.requests[1].query == {"since": "2026-01-02T09:00:00Z"}


def test_a_lag_counts_numbers_in_their_own_unit(rest, resource, service):
    resource["incremental"] = {"cursorPath": "at", "startParam": "since", "lag": 10}
    service.on("/items", json_answer([{"id": 1, "at": 1000}]))
    rest.fetch()
    rest.fetch()
    assert [request.query for request in service.requests] == [{}, {"since": "990"}]


def test_a_closed_period_is_the_same_each_time(rest, resource, service):
    resource["incremental"] = {
        "cursorPath": "at",
        "startParam": "from",
        "endParam": "to",
        "initialValue": "2026-01-01",
        "endValue": "2026-02-01",
    }
    days = ["2025-12-31", "2026-01-01", "2026-01-31", "2026-02-01"]
    service.on("/items", json_answer([{"id": day, "at": day} for day in days]))
    for _ in range(2):
        assert rest.fetch().message == {"rows": 2}
        assert service.requests[-1].query == {"from": "2026-01-01", "to": "2026-02-01"}


def test_a_cursor_goes_into_the_body_of_a_post(rest, resource, service):
    resource |= {
        "method": "POST",
        "body": {"query": {"sort": "at"}},
        "incremental": {"cursorPath": "at", "startBodyPath": "query.range.gte"},
    }
    service.on("/items", json_answer([{"id": 1, "at": 7}]))
    rest.fetch()
    rest.fetch()
    assert [json.loads(request.body) for request in service.requests] == [
        {"query": {"sort": "at"}},
        {"query": {"sort": "at", "range": {"gte": 7}}},
    ]


def test_of_two_versions_the_newest_stays_also_where_the_cursor_lies_in_an_object(
    warehouse, resource, service, postgres
):
    resource["incremental"] = {"cursorPath": "fields.updated", "startParam": "since"}
    service.on(
        "/items",
        json_answer(
            [
                {"id": 1, "v": day, "fields": {"updated": day}}
                for day in ("2026-01-02", "2026-01-09", "2026-01-05")
            ]
        ),
    )
    assert warehouse.fetch().exit == 0
    dataset = warehouse.destination["dataset"]
    assert postgres.rows(f"SELECT id, v, cursor_value FROM {dataset}.items") == [
        (1, "2026-01-09", "2026-01-09")
    ]


def test_children_arrive_in_a_table_of_their_own_and_a_parent_only_if_it_is_stored(rest, service):
    rest.config["resources"] = [
        {"name": "lists", "path": "lists", "primaryKey": ["id"], "store": False},
        {
            "name": "items",
            "path": "lists/{list}/items",
            "parent": {"resource": "lists", "bind": {"list": "id"}, "include": {"list_id": "id"}},
            "primaryKey": ["list_id", "id"],
        },
    ]
    service.on("/lists", json_answer([{"id": "a"}, {"id": "b"}]))
    service.on("/lists/a/items", json_answer([{"id": 1}]))
    service.on("/lists/b/items", json_answer([{"id": 1}, {"id": 2}]))
    assert rest.fetch().message == {"rows": 3}
    assert rest.rows("SELECT list_id, id FROM team_a_alice.items ORDER BY ALL") == [
        ("a", 1),
        ("b", 1),
        ("b", 2),
    ]
    assert len([request for request in service.requests if request.path == "/lists"]) == 1
    tables = rest.rows("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'team_a_alice'")
    assert ("lists",) not in tables


def test_only_the_children_of_changed_parents_are_asked_for(rest, service):
    rest.config["resources"] = [
        {
            "name": "issues",
            "path": "issues",
            "primaryKey": ["id"],
            "incremental": {"cursorPath": "changed", "startParam": "since"},
        },
        {
            "name": "comments",
            "path": "issues/{id}/comments",
            "parent": {"resource": "issues", "bind": {"id": "id"}},
            "primaryKey": ["id"],
        },
    ]
    issues = [{"id": 1, "changed": "2026-01-01"}, {"id": 2, "changed": "2026-01-02"}]
    service.on("/issues", lambda r: json_answer(issues))
    for number in (1, 2):
        service.on(f"/issues/{number}/comments", json_answer([{"id": number * 10}]))
    assert rest.fetch().message == {"rows": 4}
    issues[0]["changed"] = "2026-01-03"
    assert rest.fetch().message == {"rows": 2}
    paths = [request.path for request in service.requests]
    assert paths.count("/issues/1/comments") == 2
    assert paths.count("/issues/2/comments") == 1


def test_a_group_that_comes_whole_replaces_what_was_there(warehouse, resource, service, postgres):
    resource["mergeKey"] = ["list"]
    service.on("/items", json_answer([{"id": n, "list": "ab"[n % 2]} for n in range(4)]))
    assert warehouse.fetch().message == {"rows": 4}
    service.on("/items", json_answer([{"id": 0, "list": "a", "v": "new"}]))
    assert warehouse.fetch().message == {"rows": 1}
    dataset = warehouse.destination["dataset"]
    assert postgres.rows(f"SELECT id, v FROM {dataset}.items ORDER BY id") == [
        (0, "new"),
        (1, None),
        (3, None),
    ]


def test_the_type_of_a_column_is_that_of_the_config(warehouse, resource, service, postgres):
    resource["columns"] = {"amount": "decimal", "at": "timestamp", "code": "text"}
    record = {"id": 1, "amount": 3, "at": "2026-01-02T03:04:05+02:00", "code": 7}
    service.on("/items", json_answer([record, record | {"id": 2, "amount": "2.50", "code": "x"}]))
    assert warehouse.fetch().message == {"rows": 2}
    dataset = warehouse.destination["dataset"]
    rows = postgres.rows(
        f"SELECT amount::text::float, at AT TIME ZONE 'UTC', code FROM {dataset}.items ORDER BY id"
    )
    assert [(amount, str(at), code) for amount, at, code in rows] == [
        (3.0, "2026-01-02 01:04:05", "7"),
        (2.5, "2026-01-02 01:04:05", "x"),
    ]


@pytest.mark.parametrize("kind", ["postgres", "duckdb"])
def test_nested_records_are_there_once_too(request, resource, service, kind):
    pod = request.getfixturevalue("warehouse" if kind == "postgres" else "rest")
    dataset = pod.destination["dataset"]
    rows = request.getfixturevalue("postgres").rows if kind == "postgres" else pod.rows
    resource["nesting"] = 1
    record = {"id": 1, "user": {"login": "alice"}, "tags": [{"name": "a"}, {"name": "b"}]}
    service.on("/items", json_answer([record]))
    for _ in range(2):
        ended = pod.fetch()
        assert (ended.exit, ended.message["rows"]) == (0, 1)
    service.on("/items", json_answer([record | {"tags": [{"name": "c"}]}]))
    assert pod.fetch().exit == 0
    assert rows(f"SELECT id, user__login FROM {dataset}.items") == [(1, "alice")]
    assert rows(f"SELECT name FROM {dataset}.items__tags") == [("c",)]


def test_a_form_is_sent_as_a_form(rest, resource, service):
    resource |= {"method": "POST", "form": {"q": "a b", "all": True}, "headers": {"X-One": "1"}}
    service.on("/items", json_answer([{"id": 1}]))
    assert rest.fetch().exit == 0
    (asked,) = service.requests
    assert asked.body == b"q=a+b&all=true"
    assert asked.header("Content-Type") == "application/x-www-form-urlencoded"
    assert asked.header("X-One") == "1"


def test_a_key_in_the_query_is_sent_once_though_the_links_repeat_it(rest, resource, service):
    rest.config["auth"] = {"type": "apiKey", "location": "query", "name": "key"}
    rest.secret(api_key="canary&+1")
    resource["pagination"] = {"type": "link_header"}
    queries = []

    def items(request):
        page = int(request.query.get("page", 1))
        queries.append(request)
        link = f'</items?key=canary%26%2B1&page={page + 1}>; rel="next"' if page < 3 else ""
        return json_answer([{"id": page}], Link=link)

    service.on("/items", items)
    assert rest.fetch().message == {"rows": 3}
    assert [request.query["key"] for request in queries] == ["canary&+1"] * 3
    assert {len(request.query) for request in queries} == {1, 2}


def test_an_access_token_is_seen_nowhere_but_in_the_request(rest, service):
    with Service("127.0.0.2") as tokens:
        tokens.on(
            "/token",
            json_answer({"access_token": "canary-access-9", "refresh_token": "canary-next-9"}),
        )
        rest.config["auth"] = {"type": "oauth2RefreshToken", "tokenUrl": f"{tokens.url}/token"}
        rest.secret(refresh_token="canary-old-9", client_id="alice")
        service.on(
            "/items", Answer(302, headers={"Location": "ftp://x/canary-access-9?canary-next-9"})
        )
        ended = rest.fetch()
    assert service.requests[0].header("Authorization") == "Bearer canary-access-9"
    assert ended.exit == 1
    # Though the fetch failed: the one in the Secret may be worth nothing now.
    assert "a new refresh_token, which was not saved" in ended.said
    assert "canary" not in ended.stderr + ended.stdout + ended.raw.decode()


def test_a_refused_refresh_token_ends_with_the_command_that_retries(rest, service):
    service.on("/token", json_answer({"error": "invalid_grant", "x": "canary-old-9"}, 400))
    rest.config["auth"] = {"type": "oauth2RefreshToken", "tokenUrl": f"{service.url}/token"}
    rest.secret(refresh_token="canary-old-9", client_id="alice")
    ended = rest.fetch()
    assert (ended.exit, ended.message["reason"]) == (10, "InvalidCredentials")
    assert "(invalid_grant): the key refresh_token is not accepted any more" in ended.said
    assert ended.said.endswith("requestedAt=$(date +%s) --overwrite")
    assert "canary" not in ended.stderr + ended.raw.decode()


def test_each_parent_has_a_place_of_its_own_from_fetch_to_fetch(rest, service):
    rest.config["resources"] = [
        {"name": "lists", "path": "lists", "primaryKey": ["id"], "store": False},
        {
            "name": "items",
            "path": "lists/{list}/items",
            "parent": {"resource": "lists", "bind": {"list": "id"}},
            "primaryKey": ["id"],
            "incremental": {"cursorPath": "at.value", "startParam": "since"},
        },
    ]
    lists = [{"id": "a"}]
    service.on("/lists", lambda r: json_answer(lists))
    service.on("/lists/a/items", json_answer([{"id": 1, "at": {"value": 50}}]))
    service.on("/lists/b/items", json_answer([{"id": 2, "at": {"value": 7}}]))
    assert rest.fetch().message == {"rows": 1}
    lists.append({"id": "b"})
    assert rest.fetch().message["rows"] == 2
    assert rest.fetch().exit == 0
    assert rest.rows("SELECT id, cursor_value FROM team_a_alice.items ORDER BY id") == [
        (1, 50),
        (2, 7),
    ]
    asked = [(r.path[7], r.query.get("since")) for r in service.requests if r.path != "/lists"]
    assert asked == [("a", None), ("a", "50"), ("b", None), ("a", "50"), ("b", "7")]
