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
