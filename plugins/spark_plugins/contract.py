"""What a plugin is: a class with a few facts, two pydantic models and one method.

    class Weather:
        name = "weather"
        title = "Weather stations"
        description = "Readings of the stations that the account may see."

        class Config(contract.Config):
            station: str

        class Credentials(contract.Credentials):
            token: SecretStr

        def fetch_data(self, config, credentials, context): ...

Everything else (Secrets, destination, state, retries, deadlines, messages) is the runner's.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from spark_plugins.rotation import Rotation, unsaved

if TYPE_CHECKING:
    from spark_plugins.http import Session

ENTRY_POINTS = "spark_integrations.plugins"


class Config(BaseModel):
    """The base of a plugin's `Config`: what stands under `spec.config`, in camelCase.

    An unknown field is an error, since a mistyped one would be ignored for months. Errors never
    repeat the input: a token pasted into the wrong field must not end up in a status.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        hide_input_in_errors=True,
        # Reported by a name that a user can find again in YAML.
        loc_by_alias=True,
    )


class Credentials(BaseModel):
    """The base of a plugin's `Credentials`: each field is a `SecretStr` and one key of the Secret.

    A field without a default is required; a plugin without credentials leaves the class empty.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _never(_resource: str) -> bool:
    return False


@dataclass(frozen=True, kw_only=True)
class Context:
    """What an author needs besides config and credentials.

    `integration` is `namespace/name`; `deadline` is a `time.monotonic()` value, after which the
    runner ends the process whatever it does. `since` is set for a backfill: what changed before it
    need not be fetched again. `dlt.sources.incremental` follows it by itself. `conceal` takes secrets
    that came up on the way, such as an access token: no log and no message shows them from then on.

    `enough("items")` tells whether this load has taken as much of the resource as it should. An author
    who then remembers the place in `dlt.current.resource_state()` and returns has what was given
    loaded, and `fetch_data` called again. `rotation(credentials)` is for refresh tokens that change
    when they are used; see `spark_plugins.rotation`. Whoever uses `incremental` with `row_order="asc"` need not ask.
    """

    integration: str
    deadline: float
    log: logging.Logger
    since: dt.datetime | None = None
    enough: Callable[[str], bool] = _never
    rotation: Callable[[Any], Rotation] = unsaved
    conceal: Callable[[Iterable[str]], None] = lambda _secrets: None
    warnings: list[str] = field(default_factory=list)

    def warn(self, sentence: str) -> None:
        """Tell the user, at the end of the fetch's message, what needs doing though it went well.

        Once, however often it is said, and whether or not the fetch then fails.
        """
        if sentence not in self.warnings:
            self.warnings.append(sentence)
        self.log.warning("%s", sentence)

    def remaining_seconds(self) -> float:
        """Seconds until the runner ends this fetch, never below zero."""
        return max(0.0, self.deadline - time.monotonic())

    def session(self, *, only: Iterable[str] = ()) -> Session:
        """A `requests.Session` with timeouts, a bounded body, two attempts and the deadline.

        `only` are base URLs: a request to another origin, by link or by redirect, then raises
        `PermanentError` before anything is sent. Name it whenever a request carries a credential.
        """
        from spark_plugins.http import Session

        return Session(deadline=self.deadline, only=only)


class Plugin(Protocol):
    """The shape of a plugin's class. A class needs no base, these names are enough."""

    name: ClassVar[str]
    title: ClassVar[str]
    description: ClassVar[str]
    default_update_frequency_minutes: ClassVar[int]
    min_update_frequency_minutes: ClassVar[int]
    max_concurrent_fetches: ClassVar[int]

    # Nested classes of the plugin, seen here as attributes: `Config` and `Credentials`.
    @property
    def Config(self) -> type[Config]: ...  # noqa: N802

    @property
    def Credentials(self) -> type[Credentials]: ...  # noqa: N802

    def fetch_data(self, config: Any, credentials: Any, context: Context) -> Any:
        """A dlt source, a dlt resource or a list of resources, each `merge` with a primary key.

        Raises `TransientError`, `PermanentError` or `RateLimited`; any other exception is judged
        by the runner (an HTTP status, a connection that failed) or counts as transient.

        A plugin may also define `check(config, credentials, context)`: one cheap call that raises as
        this does, and may give a sentence. Without it, a check takes the first record here.
        """
        ...
