"""The plugin without a runner, against a scripted shop."""

import logging
import time

import pytest
from shop_plugin import Shop

from spark_plugins.contract import Context
from spark_plugins.testing import Service, json_answer


@pytest.fixture
def service():
    with Service() as running:
        yield running


def orders(service):
    context = Context(
        integration="team-a/orders", deadline=time.monotonic() + 30, log=logging.getLogger("test")
    )
    config = Shop.Config.model_validate({"baseUrl": f"{service.url}/api"})
    return Shop().fetch_data(config, Shop.Credentials(token="t"), context)


def test_orders_are_read_page_by_page_with_the_token(service):
    pages = {
        None: json_answer(
            [{"id": 1, "updated_at": "2026-11-01"}], Link='</api/orders?page=2>; rel="next"'
        ),
        "2": json_answer([{"id": 2, "updated_at": "2026-11-02"}]),
    }
    service.on("/api/orders", lambda request: pages[request.query.get("page")])
    assert [order["id"] for order in orders(service)] == [1, 2]
    assert {request.header("Authorization") for request in service.requests} == {"Bearer t"}
    assert service.requests[0].query == {"since": "1970-01-01T00:00:00Z"}


def test_the_token_goes_to_no_other_host(service):
    service.on("/api/orders", json_answer([], Link='<http://127.0.0.2/orders>; rel="next"'))
    with pytest.raises(Exception, match=r"127\.0\.0\.1 sends on to the host 127\.0\.0\.2"):
        list(orders(service))
