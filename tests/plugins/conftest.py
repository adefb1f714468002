"""Plugins without the runner: what a resource yields from a scripted service."""

import logging
import time

import pytest

from spark_plugins.contract import Context
from spark_plugins.rest import Rest
from spark_plugins.testing import Service


@pytest.fixture
def service():
    with Service() as running:
        yield running


@pytest.fixture
def context():
    return Context(
        integration="team-a/alice", deadline=time.monotonic() + 60, log=logging.getLogger("test")
    )


@pytest.fixture
def fetch(service, context):
    """The records of one resource of `rest` with these settings."""

    def fetch(credentials=None, auth=None, **resource):
        config = Rest.Config.model_validate(
            {
                "baseUrl": service.url,
                "auth": auth or {"type": "none"},
                "resources": [{"name": "items", "path": "items", "primaryKey": ["id"]} | resource],
            }
        )
        (items,) = Rest().fetch_data(config, Rest.Credentials(**(credentials or {})), context)
        return list(items)

    return fetch
