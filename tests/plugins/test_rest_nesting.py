"""Resources that are asked for once for each record of another one."""

import json

import pytest
from pydantic import ValidationError

from spark_plugins.errors import PermanentError
from spark_plugins.rest import Rest
from spark_plugins.testing import Answer, Service, json_answer

ISSUES = {"name": "issues", "path": "issues", "primaryKey": ["id"]}
CHILD = {
    "path": "issues/{number}/comments",
    "parent": {"resource": "issues", "bind": {"number": "number"}},
}


def test_each_record_of_the_parent_is_asked_for_its_own(service, fetch):
    service.on("/issues", json_answer([{"id": 10, "number": 1}, {"id": 20, "number": 2}]))
    service.on("/issues/1/comments", json_answer([{"id": 5}]))
    service.on("/issues/2/comments", json_answer([{"id": 6}, {"id": 7}]))
    parent = CHILD["parent"] | {"include": {"issue_id": "id", "none": "milestone.id"}}
    assert fetch(above=[ISSUES], **CHILD | {"parent": parent}) == [
        {"id": 5, "issue_id": 10, "none": None},
        {"id": 6, "issue_id": 20, "none": None},
        {"id": 7, "issue_id": 20, "none": None},
    ]


def test_each_list_of_children_is_walked_to_its_own_end(service, fetch):
    service.on("/issues", json_answer([{"id": 1, "number": 1}, {"id": 2, "number": 2}]))
    for number in (1, 2):
        service.on(
            f"/issues/{number}/comments",
            lambda r, n=number: json_answer(
                [{"id": f"{n}-{r.query.get('page', 1)}"}],
                Link="" if "page" in r.query else f'</issues/{n}/comments?page=2>; rel="next"',
            ),
        )
    records = fetch(above=[ISSUES], **CHILD, pagination={"type": "link_header"})
    assert [record["id"] for record in records] == ["1-1", "1-2", "2-1", "2-2"]


def test_values_go_into_params_and_bodies_with_their_type(service, fetch):
    service.on("/issues", json_answer([{"id": 1, "key": {"name": "a&b=c"}, "ok": True}]))
    service.on("/items", json_answer([{"id": 9}]))
    fetch(
        above=[ISSUES],
        method="POST",
        params={"of": "{name}", "brace": "{other}", "ok": "{ok}"},
        body={"exact": "{id}", "text": "no {id}", "list": [{"{id}": "{ok}"}]},
        parent={
            "resource": "issues",
            "bind": {"name": "key.name", "id": "id", "ok": "ok"},
        },
    )
    asked = service.requests[-1]
    assert asked.query == {"of": "a&b=c", "brace": "{other}", "ok": "true"}
    assert json.loads(asked.body) == {"exact": 1, "text": "no 1", "list": [{"{id}": True}]}


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("a/b", "/issues/a%2Fb/comments"),
        ("a?token=x#y", "/issues/a%3Ftoken%3Dx%23y/comments"),
        ("http://evil.example/x", "/issues/http%3A%2F%2Fevil.example%2Fx/comments"),
        ("../..", "/issues/..%2F../comments"),
        ("100%", "/issues/100%25/comments"),
        ("{number}", "/issues/%7Bnumber%7D/comments"),
    ],
)
def test_a_value_of_the_service_never_leads_elsewhere(service, fetch, value, path):
    service.on("/issues", json_answer([{"id": 1, "number": value}]))
    service.on(path, json_answer([{"id": 2}]))
    assert fetch(above=[ISSUES], **CHILD) == [{"id": 2}]


def test_a_whole_path_out_of_a_value_stays_on_the_host(service, fetch):
    with Service("127.0.0.2") as other:
        service.on("/issues", json_answer([{"id": 1, "number": f"{other.url}/x"}]))
        with pytest.raises(Exception, match="404"):
            fetch(above=[ISSUES], **CHILD | {"path": "{number}"})
        assert other.requests == []


@pytest.mark.parametrize("value", [None, "", "..", ".", {"a": 1}, [1]])
def test_a_parent_without_a_usable_value_is_named(service, fetch, value):
    service.on("/issues", json_answer([{"id": 1, "number": value}]))
    with pytest.raises(Exception, match='no usable value for "number"'):
        fetch(above=[ISSUES], **CHILD)
    assert len(service.requests) == 1


def test_a_child_that_is_gone_is_an_error_unless_the_config_says_otherwise(service, fetch):
    service.on("/issues", json_answer([{"id": 1, "number": 1}, {"id": 2, "number": 2}]))
    service.on("/issues/1/comments", Answer(404))
    service.on("/issues/2/comments", json_answer([{"id": 7}]))
    with pytest.raises(Exception, match="404"):
        fetch(above=[ISSUES], **CHILD)
    assert fetch(above=[ISSUES], **CHILD, ignoreStatus=[404, 410]) == [{"id": 7}]


def test_children_have_children(service, fetch):
    comments = CHILD | {"name": "comments", "primaryKey": ["id"]}
    service.on("/issues", json_answer([{"id": 1, "number": 1}]))
    service.on("/issues/1/comments", json_answer([{"id": 5}]))
    service.on("/comments/5/reactions", json_answer([{"id": 8}]))
    assert fetch(
        above=[ISSUES, comments],
        path="comments/{id}/reactions",
        parent={"resource": "comments", "bind": {"id": "id"}},
    ) == [{"id": 8}]


def test_a_placeholder_that_stands_nowhere_is_named(fetch):
    with pytest.raises(PermanentError, match=r"bind names \{number\}, which stands in none"):
        fetch(above=[ISSUES], **CHILD | {"path": "issues/{nummer}/comments"})


@pytest.mark.parametrize(
    ("resources", "fault"),
    [
        ([CHILD, ISSUES], "must stand above it"),
        ([ISSUES | {"store": False}], "neither stored nor the parent"),
        (
            [
                ISSUES,
                CHILD | {"incremental": {"cursorPath": "at", "startParam": "since", "lag": 5}},
            ],
            "neither lag nor endValue",
        ),
        (
            [
                ISSUES,
                CHILD | {"incremental": {"cursorPath": "at", "rowOrder": "asc"}},
            ],
            "nor rowOrder",
        ),
        ([ISSUES, CHILD | {"ignoreStatus": [401]}], "401 never means an empty list"),
        ([ISSUES, CHILD | {"parent": {"resource": "issues", "bind": {}}}], "at least 1 item"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_reason(resources, fault):
    whole = [{"name": "items", "primaryKey": ["id"]} | resource for resource in resources]
    with pytest.raises(ValidationError, match=fault):
        Rest.Config.model_validate({"baseUrl": "https://a.example", "resources": whole})


SINCE = {"cursorPath": "at", "startParam": "since", "initialValue": 10}


def test_children_are_asked_for_what_is_new_of_their_own_parent(service, fetch):
    service.on("/issues", json_answer([{"id": 1, "number": 1}, {"id": 2, "number": 2}]))
    # The second parent's are older than the newest of the first: one place for both loses them.
    service.on("/issues/1/comments", json_answer([{"id": 5, "at": 90}, {"id": 6, "at": 9}]))
    service.on("/issues/2/comments", json_answer([{"id": 7, "at": 20}]))
    records = fetch(above=[ISSUES], **CHILD, incremental=SINCE)
    assert [record["id"] for record in records] == [5, 7]
    assert [r.query for r in service.requests[1:]] == [{"since": "10"}, {"since": "10"}]


@pytest.mark.parametrize(("on_missing", "count"), [("include", 2), ("exclude", 1), ("fail", None)])
def test_a_child_without_a_value_at_the_cursor_is_what_the_config_says(
    service, fetch, on_missing, count
):
    service.on("/issues", json_answer([{"id": 1, "number": 1}]))
    service.on("/issues/1/comments", json_answer([{"id": 5, "at": 90}, {"id": 6}]))
    asked = {"above": [ISSUES], **CHILD, "incremental": SINCE | {"onMissing": on_missing}}
    if count is None:
        with pytest.raises(PermanentError, match=r"no value where incremental\.cursorPath leads"):
            fetch(**asked)
    else:
        assert len(fetch(**asked)) == count


def test_values_without_an_order_are_named(service, fetch):
    service.on("/issues", json_answer([{"id": 1, "number": 1}]))
    service.on("/issues/1/comments", json_answer([{"id": 5, "at": "x"}]))
    with pytest.raises(PermanentError, match="more than one kind"):
        fetch(above=[ISSUES], **CHILD, incremental=SINCE)
