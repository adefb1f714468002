"""`rest`: pages by Link header, an incremental cursor, a bearer token."""

from __future__ import annotations

from typing import Any, ClassVar

from spark_plugins.testing import Answer, Request, json_answer
from spark_plugins.testing.adapter import Adapter
from spark_plugins.testing.scene import Record, Scene

TOKEN = "canary-9f3c-rest-token"


class RestAdapter(Adapter):
    plugin = "rest"
    table, key, value = "items", "id", "text"
    credentials: ClassVar = {"token": TOKEN}
    orders_versions = True
    drift_column = "colour"
    skips = "unchanged records"
    without: ClassVar = {
        "records removed": "a list of what changed does not tell what was removed",
    }

    def config(self, url: str) -> dict[str, Any]:
        return {
            "baseUrl": url,
            "auth": {"type": "bearer"},
            "resources": [
                {
                    "name": "items",
                    "path": "items",
                    "primaryKey": ["id"],
                    "pagination": {"type": "link_header"},
                    "incremental": {"cursorPath": "changed", "startParam": "since"},
                }
            ],
        }

    def answer(self, request: Request, scene: Scene) -> Answer:
        if request.header("Authorization") != f"Bearer {TOKEN}":
            return Answer(401)
        # The cursor is inclusive, as with most services.
        since = request.query.get("since", "")
        pages = [
            [item for record in page if (item := self._item(record, scene))["changed"] >= since]
            for page in scene.pages()
        ]
        number = int(request.query.get("page", "1"))
        link = (
            f'</items?page={number + 1}&since={since}>; rel="next"' if number < len(pages) else ""
        )
        return json_answer(pages[number - 1], Link=link.replace("+", "%2B"))

    @staticmethod
    def _item(record: Record, scene: Scene) -> dict[str, Any]:
        item: dict[str, Any] = {
            "id": record.number,
            "text": record.text,
            "changed": record.changed_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "size": record.number,
        }
        if scene.drift:
            item |= {"colour": "red", "size": f"{record.number} cm", "parts": [{"a": 1}]}
        return item
