"""`rss`: one document, newest first, with an ETag that is kept between fetches."""

from __future__ import annotations

import email.utils
import hashlib
from typing import Any, ClassVar

from spark_plugins.testing import Answer, Request
from spark_plugins.testing.adapter import Adapter
from spark_plugins.testing.scene import Record, Scene


class RssAdapter(Adapter):
    plugin = "rss"
    table, key, value = "entries", "id", "title"
    paged = False
    drift_column = "summary"
    skips = "unchanged documents"
    without: ClassVar = {
        "records removed": "an entry that is no longer in a feed has grown old, and is kept",
        "no credential": "a feed needs none",
    }

    def config(self, url: str) -> dict[str, Any]:
        return {"url": f"{url}/feed"}

    def answer(self, request: Request, scene: Scene) -> Answer:
        items = "".join(self._item(record, scene) for record in reversed(scene.all()))
        body = f'<rss version="2.0"><channel><title>News</title>{items}</channel></rss>'.encode()
        etag = f'"{hashlib.sha256(body).hexdigest()}"'
        if request.header("If-None-Match") == etag:
            return Answer(304)
        return Answer(200, body, {"Content-Type": "application/rss+xml", "ETag": etag})

    @staticmethod
    def _item(record: Record, scene: Scene) -> str:
        more = "<description>red</description><rating>5</rating>" if scene.drift else ""
        return (
            f'<item><guid isPermaLink="false">{record.number}</guid><title>{record.text}</title>'
            f"<pubDate>{email.utils.format_datetime(record.changed_at)}</pubDate>{more}</item>"
        )
