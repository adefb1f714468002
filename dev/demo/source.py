"""The shop that the demonstration fetches from: a JSON API with a token and pages, and a feed.

Runs in a pod, from a ConfigMap, with the standard library alone. It behaves as real services do: it
caps the page whatever is asked for, and names the next one in the Link header.

    GET  /api/orders?since=TIME&page=N   needs "Authorization: Bearer TOKEN"
    POST /orders                         makes a new order, as a customer would (no token)
    GET  /news.xml                       an RSS feed of them
    GET  /maintenance                    a page of HTML, as a broken service shows it
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from urllib.parse import parse_qs, urlencode, urlsplit

PAGE_SIZE = 20
FIRST_ORDERS = 50
TOKEN = os.environ.get("TOKEN", "")
TIME = "%Y-%m-%dT%H:%M:%SZ"

lock = Lock()
orders: list[dict[str, object]] = []


def add_order(at: datetime) -> dict[str, object]:
    """The next order; identifiers never come twice."""
    with lock:
        number = len(orders) + 1
        order: dict[str, object] = {
            "id": number,
            "customer": f"customer-{number % 7}",
            "total_cents": 990 + 101 * number,
            "updated_at": at.strftime(TIME),
        }
        orders.append(order)
        return order


class Shop(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/api/orders":
            self._orders({key: values[-1] for key, values in parse_qs(url.query).items()})
        elif url.path == "/news.xml":
            self._answer(200, "application/rss+xml", feed())
        elif url.path == "/maintenance":
            self._answer(200, "text/html", "<html><body>We are back soon.</body></html>")
        elif url.path == "/healthz":
            self._answer(200, "text/plain", "ok")
        else:
            self._answer(404, "application/json", json.dumps({"message": "Not Found"}))

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if urlsplit(self.path).path == "/orders":
            order = add_order(datetime.now(UTC))
            self._answer(201, "application/json", json.dumps(order))
        else:
            self._answer(404, "application/json", json.dumps({"message": "Not Found"}))

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        if self.path != "/healthz":
            super().log_request(code, size)

    def _orders(self, query: dict[str, str]) -> None:
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._answer(401, "application/json", json.dumps({"message": "Bad credentials"}))
            return
        since, page = query.get("since", ""), int(query.get("page") or 1)
        with lock:
            found = [order for order in orders if str(order["updated_at"]) >= since]
        end = page * PAGE_SIZE
        link = ""
        if end < len(found):
            following = urlencode({**query, "page": page + 1})
            link = f'<http://{self.headers.get("Host")}/api/orders?{following}>; rel="next"'
        body = json.dumps(found[end - PAGE_SIZE : end])
        self._answer(200, "application/json", body, link)

    def _answer(self, status: int, kind: str, text: str, link: str = "") -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if link:
            self.send_header("Link", link)
        self.end_headers()
        self.wfile.write(body)


def feed() -> str:
    """The ten newest orders as news."""
    with lock:
        newest = orders[-10:]
    items = "".join(
        f"<item><title>Order {order['id']}</title><guid>order-{order['id']}</guid>"
        f"<link>http://shop/orders/{order['id']}</link>"
        f"<pubDate>{format_datetime(datetime.strptime(str(order['updated_at']), TIME).replace(tzinfo=UTC))}</pubDate>"
        f"</item>"
        for order in newest
    )
    return (
        '<?xml version="1.0"?><rss version="2.0"><channel><title>Orders</title>'
        f"<link>http://shop/</link><description>New orders</description>{items}</channel></rss>"
    )


def main() -> None:
    """Serve until the pod ends."""
    start = datetime.now(UTC) - timedelta(days=1)
    for number in range(FIRST_ORDERS):
        add_order(start + timedelta(minutes=number))
    ThreadingHTTPServer(("", 8000), Shop).serve_forever()


if __name__ == "__main__":
    main()
