"""Every way of paging, against servers that behave as badly as real ones."""

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
