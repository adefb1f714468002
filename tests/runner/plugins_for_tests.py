"""Plugins that the tests make known to the runner, by PLUGIN=plugins_for_tests:Name."""

import sys

import dlt
from pydantic import SecretStr

from spark_plugins import contract


class _Plugin:
    title = description = "Of a test."
    default_update_frequency_minutes = 15
    min_update_frequency_minutes = 1
    max_concurrent_fetches = 10

    class Config(contract.Config):
        url: str

    class Credentials(contract.Credentials):
        pass


class Ordered(_Plugin):
    """`events` in the order of their cursor, and `labels`, which have none."""

    name = "ordered"

    def fetch_data(self, config, credentials, context):
        session = context.session()

        @dlt.resource(name="events", write_disposition="merge", primary_key="id")
        def events(
            at=dlt.sources.incremental(  # noqa: B008  (as dlt has it)
                "at", initial_value="2026-01-01T00:00:00Z", row_order="asc", primary_key=()
            ),
        ):
            start = at.last_value
            while True:
                answer = session.get(f"{config.url}/events", params={"since": start})
                answer.raise_for_status()
                page = answer.json()
                if page["events"]:
                    yield page["events"]
                if not page["next"]:
                    return
                start = page["next"]

        @dlt.resource(name="labels", write_disposition="merge", primary_key="id")
        def labels():
            answer = session.get(f"{config.url}/labels")
            answer.raise_for_status()
            yield answer.json()

        return [events, labels]


class Paged(_Plugin):
    """No cursor, but pages whose place the author keeps."""

    name = "paged"

    def fetch_data(self, config, credentials, context):
        session = context.session()

        @dlt.resource(name="songs", write_disposition="merge", primary_key="id")
        def songs():
            state = dlt.current.resource_state()
            while True:
                answer = session.get(f"{config.url}/songs", params={"page": state.get("page", 0)})
                answer.raise_for_status()
                page = answer.json()
                yield page["songs"]
                if page["last"]:
                    state["page"] = 0
                    return
                state["page"] = state.get("page", 0) + 1
                if context.enough("songs"):
                    return

        return songs


class Checking(_Plugin):
    """With a check of its own."""

    name = "checking"

    def check(self, config, credentials, context):
        context.session().get(f"{config.url}/me").raise_for_status()
        return "Signed in."

    def fetch_data(self, config, credentials, context):
        raise AssertionError("a check fetches nothing")


class Printing(_Plugin):
    """It prints its token by every name that Python has for the streams."""

    name = "printing"

    class Credentials(contract.Credentials):
        token: SecretStr

    def fetch_data(self, config, credentials, context):
        token = credentials.token.get_secret_value()
        for stream in (sys.stdout, sys.__stdout__, sys.stderr, sys.__stderr__):
            print(f"signing in with {token} or so", file=stream)

        @dlt.resource(name="items", write_disposition="merge", primary_key="id")
        def items():
            yield [{"id": 1}]

        return items


class Rotating(_Plugin):
    """A refresh token that is good for one use."""

    name = "rotating"

    class Credentials(contract.Credentials):
        refresh_token: SecretStr

    def fetch_data(self, config, credentials, context):
        session = context.session()
        with context.rotation(credentials) as rotation:
            answer = session.post(
                f"{config.url}/token", data={"refresh_token": rotation.current("refresh_token")}
            )
            answer.raise_for_status()
            rotation.save(refresh_token=answer.json()["refresh_token"])
        session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

        @dlt.resource(name="items", write_disposition="merge", primary_key="id")
        def items():
            answer = session.get(f"{config.url}/items")
            answer.raise_for_status()
            yield answer.json()

        return items


class Asks(_Plugin):
    """Asks each address of `urls` in turn, by a client of `clients_for_tests`."""

    name = "asks"

    class Config(contract.Config):
        urls: list[str]
        client: str = "session"

    class Credentials(contract.Credentials):
        refresh_token: SecretStr | None = None

    def fetch_data(self, config, credentials, context):
        import clients_for_tests

        ask = getattr(clients_for_tests, config.client)

        @dlt.resource(name="items", write_disposition="merge", primary_key="id")
        def items():
            if credentials.refresh_token:
                with context.rotation(None) as rotation:
                    rotation.save(refresh_token="renewed")
            for number, url in enumerate(config.urls):
                ask(context, url)
                yield {"id": number}

        return items
