"""The orders of a shop: a plugin in a package and an image of its own."""

from typing import Annotated, Any
from urllib.parse import urljoin

from pydantic import Field, SecretStr, StringConstraints

from spark_plugins import contract
from spark_plugins.errors import PermanentError

MAX_PAGES = 1000


class Shop:
    name = "shop"
    title = "Shop"
    description = "The orders of a shop, each in its newest version."
    default_update_frequency_minutes = 15
    min_update_frequency_minutes = 1
    max_concurrent_fetches = 5

    class Config(contract.Config):
        base_url: Annotated[
            str,
            StringConstraints(pattern=r"^https?://[^\s?#@]+$", max_length=512),
            Field(description="Address of the shop's API, such as https://shop.example.com/api."),
        ]

    class Credentials(contract.Credentials):
        token: SecretStr = Field(description="Token of an account that may read orders.")

    def fetch_data(
        self, config: Config, credentials: Credentials, context: contract.Context
    ) -> Any:
        # Here, not above: dlt takes half a second, and a wrong config is refused without it.
        import dlt

        base = config.base_url.rstrip("/")
        # The token goes to this host alone, whatever a link or a redirect says.
        session = context.session(only=[base])
        session.headers["Authorization"] = f"Bearer {credentials.token.get_secret_value()}"

        @dlt.resource(
            primary_key="id",
            write_disposition="merge",
            # An order that changes while the pages are read comes twice: the newer one stays.
            columns={"updated_at": {"dedup_sort": "desc"}},
        )
        def orders(
            since: Any = dlt.sources.incremental(  # noqa: B008  (so dlt wants it)
                "updated_at", initial_value="1970-01-01T00:00:00Z", primary_key=()
            ),
        ) -> Any:
            url, query = f"{base}/orders", {"since": since.last_value}
            for _ in range(MAX_PAGES):
                response = session.get(url, params=query)
                response.raise_for_status()
                yield response.json()
                # By the link, never by counting: a service may cap its pages without a word.
                following = response.links.get("next", {}).get("url")
                if not following:
                    return
                url, query = urljoin(response.url, following), {}
            raise PermanentError(f"The orders have more than {MAX_PAGES} pages.")

        return orders
