"""Whose a dataset is: a table in it names the Integration that fills it.

Without it two Integrations with the same dataset would merge into each other's tables and take
each other's cursors, and both would look healthy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from spark_plugins.errors import PermanentError

TABLE = "_spark_owner"

Query = Callable[[str, Sequence[Any]], list[Any]]


def claim(
    query: Query, *, table: str, tables: int, placeholder: str, owner: str, dataset: str
) -> None:
    """Make `owner` (`namespace/name`) the owner, or raise `PermanentError` if another one is.

    Called under the dataset's lock, so that nobody claims between the look and the write.
    `table` is the quoted, qualified name; `tables` is how many tables the dataset holds already.
    """
    if tables == 0:
        query(f"CREATE TABLE IF NOT EXISTS {table} (owner VARCHAR NOT NULL)", ())
        query(f"INSERT INTO {table} (owner) VALUES ({placeholder})", (owner,))  # noqa: S608
        return
    owners = [row[0] for row in query(f"SELECT owner FROM {table}", ())]  # noqa: S608
    if not owners:
        # We died between CREATE and INSERT where the two are no one transaction.
        query(f"INSERT INTO {table} (owner) VALUES ({placeholder})", (owner,))  # noqa: S608
    elif owners != [owner]:
        raise of_another(dataset, str(owners[0]), f"drop its table {TABLE}")


def of_another(dataset: str, owner: str, release: str) -> PermanentError:
    """The error for a dataset of another Integration; `release` is how it becomes free."""
    return PermanentError(
        f'The dataset "{dataset}" belongs to the Integration {owner}: choose another '
        f"spec.destination.dataset, or {release} if that Integration is gone.",
        reason="InvalidConfig",
    )


def foreign(dataset: str) -> PermanentError:
    """The error for a dataset with tables that no Integration has made."""
    return PermanentError(
        f'The dataset "{dataset}" holds tables that no Integration has made: choose another '
        "spec.destination.dataset.",
        reason="InvalidConfig",
    )
