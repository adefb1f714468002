"""Every way of paging, against servers that behave as badly as real ones."""

import json

import pytest

from spark_plugins.errors import PermanentError
from spark_plugins.testing import Answer, json_answer

ROWS = [{"id": number} for number in range(1, 8)]


def page_of(request, size, start):
    return ROWS[start : start + size]


def test_without_pagination_there_is_one_request(service, fetch):
    service.on("/items", json_answer(ROWS, Link='</items?page=2>; rel="next"'))
    assert fetch() == ROWS
    assert len(service.requests) == 1


def test_link_headers_are_followed_past_short_and_empty_pages(service, fetch):
    sizes = [3, 0, 1, 3]

    def items(request):
        page = int(request.query.get("page", 0))
        start = sum(sizes[:page])
        link = f'<?page={page + 1}&x=%2B>; rel="next"' if page < 3 else ""
        return json_answer(page_of(request, sizes[page], start), Link=link)

    service.on("/items", items)
    assert fetch(pagination={"type": "link_header"}, params={"first": "only"}) == ROWS
    assert [request.query for request in service.requests[:2]] == [
        {"first": "only"},
        {"page": "1", "x": "+"},
    ]


@pytest.mark.parametrize("link", ["", "<>; rel=next", '<x>; rel="prev"', "nonsense"])
def test_a_link_header_without_a_next_page_ends(service, fetch, link):
    service.on("/items", json_answer(ROWS, Link=link))
    assert fetch(pagination={"type": "link_header"}) == ROWS


def test_a_link_to_itself_ends_with_a_clear_error(service, fetch):
    service.on("/items", json_answer(ROWS, Link='</items>; rel="next"'))
    with pytest.raises(Exception, match="lead in a circle"):
        fetch(pagination={"type": "link_header"})
    assert len(service.requests) == 1


def test_addresses_in_the_answer_are_followed(service, fetch):
    def items(request):
        page = int(request.query.get("p", 0))
        following = f"{service.url}/items?p={page + 1}" if page < 6 else None
        return json_answer({"data": ROWS[page : page + 1], "@odata.nextLink": following})

    service.on("/items", items)
    assert (
        fetch(
            pagination={"type": "next_url", "nextUrlPath": "'@odata.nextLink'"}, dataSelector="data"
        )
        == ROWS
    )


@pytest.mark.parametrize("nothing", [None, "", False])
def test_an_empty_address_in_the_answer_ends(service, fetch, nothing):
    service.on("/items", json_answer({"data": ROWS, "next": nothing}))
    assert fetch(pagination={"type": "next_url"}, dataSelector="data") == ROWS


def test_pages_are_counted_until_one_is_empty(service, fetch):
    service.on("/items", lambda r: json_answer(page_of(r, 3, 3 * (int(r.query["page"]) - 1))))
    assert fetch(pagination={"type": "page_number"}) == ROWS
    assert [request.query["page"] for request in service.requests] == ["1", "2", "3", "4"]


def test_a_404_after_the_last_page_ends(service, fetch):
    def items(request):
        page = int(request.query["page"])
        return (
            json_answer(page_of(request, 4, 4 * page)) if page < 2 else Answer(404, b"Invalid page")
        )

    service.on("/items", items)
    assert fetch(pagination={"type": "page_number", "firstPage": 0}) == ROWS


def test_a_404_on_the_first_page_is_an_error(service, fetch):
    service.on("/items", Answer(404))
    with pytest.raises(Exception, match="404"):
        fetch(pagination={"type": "page_number"})


def test_a_number_of_pages_saves_the_last_request(service, fetch):
    service.on(
        "/items",
        lambda r: json_answer({"rows": page_of(r, 4, 4 * (int(r.query["p"]) - 1)), "pages": "2"}),
    )
    pagination = {"type": "page_number", "pageParam": "p", "totalPagesPath": "pages"}
    assert fetch(pagination=pagination, dataSelector="rows") == ROWS
    assert len(service.requests) == 2


@pytest.mark.parametrize(
    "pagination",
    [{"type": "page_number", "pageParam": "pag"}, {"type": "offset", "offsetParam": "x"}],
)
def test_a_service_that_ignores_the_parameter_is_noticed(service, fetch, pagination):
    service.on("/items", json_answer(ROWS))
    with pytest.raises(Exception, match="does not count by"):
        fetch(pagination=pagination)
    assert len(service.requests) == 2


def test_offsets_follow_what_was_received_where_a_server_caps_the_page(service, fetch):
    def items(request):
        assert request.query["limit"] == "100"
        return json_answer(page_of(request, 3, int(request.query["offset"])))

    service.on("/items", items)
    assert fetch(pagination={"type": "offset", "limit": 100}) == ROWS
    assert [request.query["offset"] for request in service.requests] == ["0", "3", "6", "7"]


def test_a_total_saves_the_last_request(service, fetch):
    service.on(
        "/items",
        lambda r: json_answer(
            {"rows": page_of(r, 3, int(r.query["offset"])), "meta": {"total": 7}}
        ),
    )
    pagination = {"type": "offset", "totalPath": "meta.total"}
    assert fetch(pagination=pagination, dataSelector="rows") == ROWS
    assert len(service.requests) == 3


def test_cursors_are_given_back_until_there_is_none(service, fetch):
    following = {"": "a+b$", "a+b$": "ü", "ü": ""}
    starts = {"": 0, "a+b$": 3, "ü": 6}

    def items(request):
        cursor = request.query.get("after", "")
        rows = ROWS[starts[cursor] : starts[cursor] + 3]
        return json_answer({"rows": rows, "next": following[cursor]})

    service.on("/items", items)
    pagination = {"type": "cursor", "cursorPath": "next", "cursorParam": "after"}
    assert fetch(pagination=pagination, dataSelector="rows") == ROWS


def test_a_cursor_that_comes_twice_ends_with_a_clear_error(service, fetch):
    service.on("/items", json_answer({"rows": ROWS, "next": "same"}))
    with pytest.raises(Exception, match="the same cursor twice"):
        fetch(pagination={"type": "cursor", "cursorPath": "next"}, dataSelector="rows")


def test_more_pages_than_allowed_are_an_error_not_a_silent_loss(service, fetch):
    service.on("/items", lambda r: json_answer([{"id": r.query["page"]}]))
    with pytest.raises(Exception, match="more than 5 pages"):
        fetch(pagination={"type": "page_number", "maxPages": 5})
    assert len(service.requests) == 5


def test_a_path_that_is_no_json_path_is_named(fetch):
    with pytest.raises(PermanentError, match=r"config\.resources\[0\]\.dataSelector is not a JSON"):
        fetch(dataSelector="a b[")


def test_a_link_of_another_relation_is_followed_where_the_config_says_so(service, fetch):
    service.on(
        "/items",
        lambda r: json_answer(
            ROWS[:4] if "p" not in r.query else ROWS[4:],
            Link="" if "p" in r.query else '</items?p=2>; rel="more"',
        ),
    )
    assert fetch(pagination={"type": "link_header", "rel": "more"}) == ROWS


def test_a_link_with_the_name_the_service_gives_itself_is_refused_unless_it_is_said_to_be_the_same(
    service, fetch
):
    """A server behind another name writes links with the name, and the path, of its settings."""
    own_name = "https://git.example.com/under/items"

    def items(request):
        page = int(request.query.get("page", 1))
        link = f'<{own_name}?page={page + 1}&limit=3>; rel="next"' if page < 3 else ""
        return json_answer(page_of(request, 3, 3 * (page - 1)), Link=link)

    service.on("/items", items)
    with pytest.raises(PermanentError, match=r"git\.example\.com"):
        fetch(pagination={"type": "link_header"})
    assert len(service.requests) == 1
    assert fetch(pagination={"type": "link_header", "otherHost": "sameService"}) == ROWS
    assert [request.query for request in service.requests[-2:]] == [
        {"page": "2", "limit": "3"},
        {"page": "3", "limit": "3"},
    ]


def test_a_link_to_itself_under_another_name_ends_with_a_clear_error(service, fetch):
    service.on("/items", json_answer(ROWS, Link='<http://other.example/items>; rel="next"'))
    with pytest.raises(PermanentError, match="lead in a circle"):
        fetch(pagination={"type": "link_header", "otherHost": "sameService"})
    assert len(service.requests) == 1


def test_two_pages_that_name_each_other_end_with_a_clear_error(service, fetch):
    service.on(
        "/items",
        lambda r: json_answer(
            ROWS, Link=f'</items?p={"a" if r.query.get("p") == "b" else "b"}>; rel="next"'
        ),
    )
    with pytest.raises(PermanentError, match="lead in a circle"):
        fetch(pagination={"type": "link_header"})
    assert len(service.requests) <= 3


THOUSAND = [{"id": number} for number in range(1000)]


@pytest.mark.parametrize(
    ("pagination", "answer"),
    [
        (
            {"type": "link_header", "totalHeader": "X-Total-Count"},
            lambda: json_answer(THOUSAND, X_Total_Count="1200"),
        ),
        (
            {"type": "link_header", "totalPath": "total"},
            lambda: json_answer({"rows": THOUSAND, "total": 1200}),
        ),
        (
            {"type": "cursor", "cursorPath": "next", "totalPath": "total"},
            lambda: json_answer({"rows": THOUSAND, "total": 1200}),
        ),
    ],
)
def test_a_list_cut_at_a_thousand_is_an_error_where_the_service_names_its_length(
    service, fetch, pagination, answer
):
    service.on("/items", answer())
    selector = "$" if "totalHeader" in pagination else "rows"
    with pytest.raises(
        PermanentError, match="ends after 1000 records, though the service counts 1200"
    ):
        fetch(pagination=pagination, dataSelector=selector)


def test_an_offset_beyond_which_nothing_comes_is_an_error_where_the_total_says_more(service, fetch):
    service.on(
        "/items",
        lambda r: json_answer({"rows": page_of(r, 3, int(r.query["offset"]))[:3], "total": 12}),
    )
    with pytest.raises(PermanentError, match="ends after 7 records, though the service counts 12"):
        fetch(pagination={"type": "offset", "totalPath": "total"}, dataSelector="rows")


def test_a_list_of_the_right_length_is_none(service, fetch):
    service.on("/items", json_answer(ROWS, X_Total_Count="7"))
    assert fetch(pagination={"type": "link_header", "totalHeader": "X-Total-Count"}) == ROWS


@pytest.mark.parametrize("status", [422, 400, 404])
def test_a_page_that_is_refused_because_the_list_is_cut_is_explained(service, fetch, status):
    def items(request):
        page = int(request.query.get("page", 1))
        if page > 2:
            return Answer(status, b"Only the first 1000 results are available")
        return json_answer(
            page_of(request, 2, 2 * page), Link=f'</items?page={page + 1}>; rel="next"'
        )

    service.on("/items", items)
    with pytest.raises(PermanentError, match=r"after 2 pages .* the service cuts long lists"):
        fetch(pagination={"type": "link_header"})


def test_a_next_page_that_nobody_asked_for_is_warned_of(service, fetch, caplog):
    service.on("/items", json_answer(ROWS, Link='</items?page=2>; rel="next"'))
    fetch(pagination={"type": "none"})
    assert caplog.text == ""
    fetch()
    assert "names a next page" in caplog.text


def test_a_cursor_in_a_header_is_given_back_until_there_is_none(service, fetch):
    def items(request):
        after = int(request.query.get("after", 0))
        following = str(after + 3) if after < 6 else ""
        return json_answer(page_of(request, 3, after), X_Next=following)

    service.on("/items", items)
    pagination = {"type": "header_cursor", "cursorHeader": "x-next", "cursorParam": "after"}
    assert fetch(pagination=pagination) == ROWS


def body(request):
    return json.loads(request.body)


def test_a_cursor_is_given_back_in_the_body(service, fetch):
    def items(request):
        start = body(request)["page"].get("after", 0)
        return json_answer(
            {"rows": page_of(request, 3, start), "next": start + 3 if start < 6 else None}
        )

    service.on("/items", items)
    asked = {"q": "{all}", "page": {"size": 3}}
    pagination = {"type": "cursor", "cursorPath": "next", "cursorBodyPath": "page.after"}
    assert fetch(method="POST", body=asked, pagination=pagination, dataSelector="rows") == ROWS
    assert [body(request) for request in service.requests] == [
        asked,
        {"q": "{all}", "page": {"size": 3, "after": 3}},
        {"q": "{all}", "page": {"size": 3, "after": 6}},
    ]


def test_an_offset_and_a_limit_stand_in_the_body(service, fetch):
    service.on("/items", lambda r: json_answer(page_of(r, 3, body(r)["from"])))
    pagination = {"type": "offset", "offsetBodyPath": "from", "limitBodyPath": "page.size"}
    assert fetch(method="POST", pagination=pagination) == ROWS
    assert body(service.requests[1]) == {"from": 3, "page": {"size": 100}}
    assert service.requests[1].query == {}


def test_a_page_number_stands_in_the_body(service, fetch):
    service.on("/items", lambda r: json_answer(page_of(r, 4, 4 * (body(r)["page"] - 1))))
    assert fetch(method="POST", pagination={"type": "page_number", "pageBodyPath": "page"}) == ROWS


def test_a_body_with_a_text_where_an_object_should_be_is_refused(service, fetch):
    service.on("/items", json_answer(ROWS))
    with pytest.raises(PermanentError, match='no object where "a"'):
        fetch(
            method="POST",
            body={"page": "x"},
            pagination={"type": "page_number", "pageBodyPath": "page.a"},
        )


@pytest.mark.parametrize(
    "pagination",
    [
        {"type": "page_number", "firstPage": 0, "pageParam": "at"},
        {"type": "offset", "offsetParam": "at"},
        {"type": "cursor", "cursorPath": "next", "cursorParam": "at"},
    ],
)
def test_a_service_that_says_whether_more_follows_saves_the_last_request(
    service, fetch, pagination
):
    def items(request):
        at = int(request.query.get("at", 0))
        second = at > 0
        return json_answer(
            {
                "rows": ROWS[4:] if second else ROWS[:4],
                "more": "false" if second else True,
                "next": at + 1,
            }
        )

    service.on("/items", items)
    assert fetch(pagination=pagination | {"hasMorePath": "more"}, dataSelector="rows") == ROWS
    assert len(service.requests) == 2


def test_an_empty_page_with_more_to_follow_does_not_end(service, fetch):
    def items(request):
        page = int(request.query["page"])
        return json_answer({"rows": [[], ROWS[:3], [], ROWS[3:]][page - 1], "more": page < 4})

    service.on("/items", items)
    pagination = {"type": "page_number", "hasMorePath": "more"}
    assert fetch(pagination=pagination, dataSelector="rows") == ROWS


def test_an_empty_page_with_a_known_number_of_pages_does_not_end(service, fetch):
    service.on(
        "/items",
        lambda r: json_answer({"rows": [[], ROWS][int(r.query["page"]) - 1], "pages": 2}),
    )
    pagination = {"type": "page_number", "totalPagesPath": "pages"}
    assert fetch(pagination=pagination, dataSelector="rows") == ROWS


def test_a_service_that_does_not_say_whether_more_follows_is_named(service, fetch):
    service.on("/items", json_answer({"rows": ROWS, "more": None}))
    with pytest.raises(PermanentError, match="hasMorePath leads to neither true nor false"):
        fetch(pagination={"type": "page_number", "hasMorePath": "more"}, dataSelector="rows")


def test_a_way_of_paging_for_all_resources_gives_way_to_that_of_one(service, fetch):
    service.on("/items", json_answer(ROWS, Link='</items?p=2>; rel="next"'))
    whole = {"pagination": {"type": "link_header"}}
    with pytest.raises(PermanentError, match="lead in a circle"):
        fetch(whole=whole)
    assert fetch(whole=whole, pagination={"type": "none"}) == ROWS
