"""`rss` from end to end: each entry once, an unchanged feed not twice."""

import pytest

from spark_plugins.testing import Answer

RSS = """<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0"><channel><title>News</title><link>https://news.example</link>
{items}</channel></rss>"""
ITEM = """<item><guid isPermaLink="false">{id}</guid><title>{title}</title>
<link>https://news.example/{id}</link><category>a</category><category>b</category>
<pubDate>Tue, 24 Nov 2026 08:00:00 +0100</pubDate><description>&lt;p&gt;Hi&lt;/p&gt;</description></item>"""
ATOM = """<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom"><title>Blog</title><id>urn:blog</id>
<updated>2026-11-24T00:00:00Z</updated>
<entry><id>urn:1</id><title>Ein „Titel“</title><link href="/posts/1"/>
<author><name>Alice</name></author><updated>2026-11-23T10:00:00Z</updated>
<content type="html">text</content></entry>
<entry><title>no id, no link</title><updated>2026-11-22T10:00:00Z</updated></entry>
</feed>"""


@pytest.fixture
def rss(pod, service):
    pod.service = "rss"
    pod.config = {"url": f"{service.url}/feed?secret=canary-query"}
    pod.destination["dataset"] = "team_a_news"
    return pod


def feed(*entries):
    return RSS.format(items="".join(ITEM.format(id=i, title=t) for i, t in entries)).encode()


def test_entries_of_a_feed_are_kept_once_with_their_newest_title(rss, service):
    service.on("/feed", Answer(200, feed((1, "one"), (2, "two"), (1, "old one"))))
    assert rss.fetch().message == {"rows": 2}
    service.on("/feed", Answer(200, feed((2, "two, mended"), (3, "three"))))
    ended = rss.fetch()
    assert ended.message == {"rows": 2}
    assert rss.rows("SELECT id, title FROM team_a_news.entries ORDER BY id") == [
        ("1", "one"),
        ("2", "two, mended"),
        ("3", "three"),
    ]
    (entry,) = rss.rows(
        "SELECT link, tags::VARCHAR, epoch(published_at), feed_url FROM team_a_news.entries WHERE id = '1'"
    )
    assert entry == ("https://news.example/1", '["a","b"]', 1795503600.0, f"{service.url}/feed")


def test_an_unchanged_feed_is_not_transferred_again(rss, service):
    def feed_with_validators(request):
        if request.header("If-None-Match") == '"v1"':
            assert request.header("If-Modified-Since") == "Tue, 24 Nov 2026 07:00:00 GMT"
            return Answer(304)
        headers = {"ETag": '"v1"', "Last-Modified": "Tue, 24 Nov 2026 07:00:00 GMT"}
        return Answer(200, feed((1, "one")), headers)

    service.on("/feed", feed_with_validators)
    service.on("/other", feed_with_validators)
    assert rss.fetch().message == {"rows": 1}
    # Nothing new is no warning after a first fetch.
    assert rss.fetch().message == {"rows": 0}
    # Another feed is not thought unchanged because of the validators of this one.
    rss.config = {"url": f"{service.url}/other"}
    assert rss.fetch().message == {"rows": 1}


def test_atom_is_read_too_and_an_entry_without_id_is_what_it_says(rss, service):
    service.on("/feed", Answer(200, ATOM.encode(), {"Content-Type": "application/atom+xml"}))
    assert rss.fetch().message == {"rows": 2}
    rows = rss.rows("SELECT id, title, author FROM team_a_news.entries ORDER BY updated_at DESC")
    assert rows[0] == ("urn:1", "Ein „Titel“", "Alice")
    assert rows[1][0].startswith("sha256:")


@pytest.mark.parametrize(
    ("body", "exit_code", "fault"),
    [
        (b"<!doctype html><html><body>Not found</body></html>", 10, "neither RSS nor Atom"),
        (feed((1, "one"))[:120], 1, "breaks off"),
    ],
)
def test_what_is_no_feed_is_explained(rss, service, body, exit_code, fault):
    service.on("/feed", Answer(200, body, {"Content-Type": "text/html; charset=utf-8"}))
    ended = rss.fetch()
    assert ended.exit == exit_code
    assert fault in ended.said
    assert "canary-query" not in ended.said + ended.stderr


def items(*bodies):
    return RSS.format(items="".join(f"<item>{body}</item>" for body in bodies)).encode()


def test_several_feeds_share_a_table_though_their_guids_are_the_same(rss, service):
    def one_of(request):
        return Answer(200, feed((1, f"of {request.query['channel']}")))

    service.on("/feed", one_of)
    rss.config = {"urls": [f"{service.url}/feed?channel={name}" for name in ("a", "b")]}
    assert rss.fetch().message == {"rows": 2}
    assert rss.fetch().message == {"rows": 2}
    assert rss.rows(
        "SELECT id, title, feed_title, count(*) OVER () FROM team_a_news.entries ORDER BY title"
    ) == [("1", "of a", "News", 2), ("1", "of b", "News", 2)]


def test_a_relative_guid_is_the_same_entry_wherever_a_redirect_leads(rss, service):
    item = (
        "<item><guid>/posts/1</guid><title>{}</title><link>/posts/1</link></item>"
        '<item><guid isPermaLink="false">7</guid><title>seven</title></item>'
    )
    moved = service.url.replace("127.0.0.1", "localhost")
    for title, place in (("a", service.url), ("b", moved)):
        service.on("/feed", Answer(302, b"", {"Location": f"{place}/node/feed"}))
        service.on("/node/feed", Answer(200, RSS.format(items=item.format(title)).encode()))
        assert rss.fetch().message == {"rows": 2}
    assert rss.rows("SELECT id, title, link FROM team_a_news.entries ORDER BY id") == [
        ("7", "seven", None),
        # The link is where the feed says it is now.
        (f"{service.url}/posts/1", "b", f"{moved}/posts/1"),
    ]


def test_each_feed_keeps_its_own_validators(rss, service):
    def versioned(request):
        etag = f'"{request.path}"'
        if request.header("If-None-Match") == etag:
            return Answer(304)
        assert request.header("If-None-Match") is None
        return Answer(200, feed((1, request.path)), {"ETag": etag})

    for path in ("/a", "/b"):
        service.on(path, versioned)
    rss.config = {"urls": [f"{service.url}/a"]}
    assert rss.fetch().message == {"rows": 1}
    rss.config = {"urls": [f"{service.url}/b", f"{service.url}/a"]}
    assert rss.fetch().message == {"rows": 1}
    assert rss.fetch().message == {"rows": 0}
    # Taken out and put in again, it is read as if it were new.
    rss.config = {"urls": [f"{service.url}/b"]}
    assert rss.fetch().message == {"rows": 0}
    rss.config = {"urls": [f"{service.url}/a"]}
    assert rss.fetch().message == {"rows": 1}


def test_one_broken_feed_costs_the_others_nothing_and_is_spoken_of(rss, service):
    service.on("/good", Answer(200, feed((1, "one"))))
    service.on("/gone", Answer(410))
    service.on("/page", Answer(200, b"<html></html>"))
    service.on("/late", Answer(429, b"", {"Retry-After": "99"}))
    rss.config = {
        "urls": [
            f"{service.url}/{path}?k=canary-query" for path in ("gone", "page", "good", "late")
        ]
    }
    ended = rss.fetch()
    assert (ended.exit, ended.message["rows"]) == (0, 1)
    assert ended.said == (
        f"3 of 4 feeds could not be read: {service.url}/gone (status 410), {service.url}/page "
        f"(neither RSS nor Atom), {service.url}/late (status 429)."
    )
    assert "canary-query" not in ended.stderr


def test_when_no_feed_can_be_read_the_fetch_fails_as_the_first_did(rss, service):
    service.on("/a", Answer(429, b"", {"Retry-After": "99"}))
    rss.config = {"urls": [f"{service.url}/a", f"{service.url}/b"]}
    ended = rss.fetch()
    assert (ended.exit, ended.message["retryAfterSeconds"]) == (11, 99)


def test_half_a_feed_is_read_as_far_as_it_goes_and_asked_for_again(rss, service):
    whole = feed((1, "one"), (2, "two"))
    service.on("/feed", Answer(200, whole[: whole.index(b"two")], {"ETag": '"v1"'}))
    assert rss.fetch().exit == 0
    service.on("/feed", Answer(200, whole, {"ETag": '"v1"'}))
    assert rss.fetch().message == {"rows": 2}
    assert [request.header("If-None-Match") for request in service.requests] == [None, None]
    assert rss.rows("SELECT count(*) FROM team_a_news.entries") == [(2,)]


def test_an_entry_without_guid_is_its_link_unless_others_share_that(rss, service):
    body = items(
        "<title>a</title><link>https://news.example/a</link>",
        "<title>b</title><link>https://news.example</link>",
        "<title>Daily</title><link>https://news.example/d</link>"
        "<pubDate>Mon, 23 Nov 2026 08:00:00 GMT</pubDate>",
        "<title>Daily</title><link>https://news.example/d</link>"
        "<pubDate>Tue, 24 Nov 2026 08:00:00 GMT</pubDate>",
        "<title>e</title>",
        f"<guid>{'x' * 3000}</guid><title>f</title>",
    )
    service.on("/feed", Answer(200, body))
    assert rss.fetch().message == {"rows": 6}
    assert rss.fetch().message == {"rows": 6}
    rows = rss.rows("SELECT id FROM team_a_news.entries ORDER BY title, id")
    assert len(rows) == 6
    assert ("https://news.example/a",) in rows
    assert sum(identity.startswith("sha256:") for (identity,) in rows) == 5


@pytest.mark.parametrize(
    ("written", "epoch"),
    [
        ("Tue, 24 Nov 2026 08:00:00 +0100", 1795503600),
        ("Tue, 24 Nov 2026 02:00:00 EST", 1795503600),
        ("Tue, 24 Nov 26 07:00 GMT", 1795503600),
        ("2026-11-24T07:00:00Z", 1795503600),
        ("soon", None),
        ("Tue, 99 Nov 2026 08:00:00 GMT", None),
        ("", None),
    ],
)
def test_dates_are_read_as_feeds_write_them_and_left_empty_where_nobody_could(
    rss, service, written, epoch
):
    service.on("/feed", Answer(200, items(f"<guid>1</guid><pubDate>{written}</pubDate>")))
    assert rss.fetch().message == {"rows": 1}
    assert rss.rows("SELECT epoch(published_at) FROM team_a_news.entries") == [(epoch,)]


def test_what_a_podcast_encloses_arrives(rss, service):
    body = items(
        '<guid>1</guid><enclosure url="https://news.example/1.mp3" type="audio/mpeg" length="9"/>'
    )
    service.on("/feed", Answer(200, body))
    assert rss.fetch().message == {"rows": 1}
    assert rss.rows("SELECT enclosures::VARCHAR FROM team_a_news.entries") == [
        ('[{"href":"https://news.example/1.mp3","type":"audio/mpeg","length":"9"}]',)
    ]


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"url": "https://a.example/", "urls": ["https://b.example/"]},
        {"urls": ["https://a.example/", "https://a.example/"]},
        {"urls": ["file:///etc/passwd"]},
        {"urls": [f"https://a.example/{number}" for number in range(51)]},
    ],
)
def test_feeds_that_cannot_be_meant_are_refused(rss, config):
    rss.config = config
    ended = rss.fetch()
    assert (ended.exit, ended.message["reason"]) == (10, "InvalidConfig")
