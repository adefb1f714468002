"""Plugins without the runner: what a resource yields from a scripted service."""

import logging
import time

import pytest

from spark_plugins.contract import Context
from spark_plugins.rest import Rest
from spark_plugins.testing import Service


def records_of(resource):
    """What a resource yields; raises what the plugin raised, which dlt wraps in its own."""
    from dlt.extract.exceptions import ResourceExtractionError

    try:
        return list(resource)
    except ResourceExtractionError as error:
        if error.__cause__ is not None:
            raise error.__cause__ from None
        raise


@pytest.fixture
def service():
    with Service() as running:
        yield running


@pytest.fixture
def concealed():
    return []


@pytest.fixture
def context(concealed):
    return Context(
        integration="team-a/alice",
        deadline=time.monotonic() + 60,
        log=logging.getLogger("test"),
        conceal=concealed.extend,
    )


@pytest.fixture
def fetch(service, context):
    """The records of one resource of `rest` with these settings."""

    def fetch(credentials=None, auth=None, above=(), whole=None, **resource):
        """`above` are resources before this one, `whole` are settings above all resources."""
        config = Rest.Config.model_validate(
            {
                "baseUrl": service.url,
                "auth": auth or {"type": "none"},
                "resources": [
                    *above,
                    {"name": "items", "path": "items", "primaryKey": ["id"]} | resource,
                ],
            }
            | (whole or {})
        )
        *_, items = Rest().fetch_data(config, Rest.Credentials(**(credentials or {})), context)
        return records_of(items)

    return fetch
