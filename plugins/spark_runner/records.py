"""What a plugin's resources must be, and what each record goes through."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from spark_plugins.errors import PermanentError
from spark_runner.stage import Stage

if TYPE_CHECKING:
    from spark_runner.chunks import Chunks

# PostgreSQL holds no NUL, and UTF-8 no half of a pair; JSON has a way to write both.
_UNHOLDABLE = re.compile("[\0\ud800-\udfff]")
_REPLACEMENT = "\ufffd"
_LEAST, _MOST = -(2**63), 2**63 - 1


def prepare(data: Any, service: str, stage: Stage, chunks: Chunks | None = None) -> Any:
    """A dlt source named like the service, of what the plugin gave; limited to a piece by `chunks`.

    Raises `PermanentError` for a resource that would not survive a repeated load: any that does
    not merge by a primary key.
    """
    import dlt
    from dlt.extract import DltResource, DltSource

    if isinstance(data, DltSource):
        found: list[Any] = list(data.selected_resources.values())
    elif isinstance(data, DltResource):
        found = [data]
    elif isinstance(data, Iterable) and not isinstance(data, str | bytes | dict):
        found = list(data)
    else:
        found = []
    if not found or not all(isinstance(resource, DltResource) for resource in found):
        raise PermanentError(
            f'The plugin "{service}" gives no dlt source and no list of dlt resources.'
        )
    for resource in found:
        keys = _primary_key(resource, service)
        resource.add_map(_each(resource.name, keys, stage, chunks))
        if chunks is not None:
            chunks.limit(resource)
        if resource.max_table_nesting is None:
            resource.max_table_nesting = 0
    if isinstance(data, DltSource):
        return data
    # A service is named as Kubernetes names objects, with hyphens; dlt wants an identifier.
    return dlt.source(lambda: found, name="_" * service[:1].isdigit() + service.replace("-", "_"))()


def _primary_key(resource: Any, service: str) -> list[str]:
    disposition = resource.write_disposition
    if isinstance(disposition, dict):
        disposition = disposition.get("disposition")
    keys = resource._hints.get("primary_key")
    if isinstance(keys, str):
        keys = [keys]
    # A killed load is repeated from its start: appended records would be there twice.
    if disposition != "merge" or not keys or callable(keys):
        raise PermanentError(
            f'The plugin "{service}" must give resource "{resource.name}" the write disposition '
            "merge and a primary key."
        )
    return [str(key) for key in keys]


def _each(name: str, keys: list[str], stage: Stage, chunks: Chunks | None) -> Callable[[Any], Any]:
    rivals = _rivals(name, keys)

    def one(record: Any) -> Any:
        if not isinstance(record, dict):
            raise PermanentError(
                f'Resource "{name}": a record is {_kind(record)}, not an object with fields.',
                reason="InvalidConfig",
            )
        for key in keys:
            if record.get(key) is None:
                raise PermanentError(
                    f'Resource "{name}": a record has no value in "{key}", which is in its '
                    "primary key.",
                    reason="InvalidConfig",
                )
        stage.records[name] += 1
        if chunks is not None:
            chunks.took(name, 1)
        if left_out := rivals(tuple(record)):
            record = {field: value for field, value in record.items() if field not in left_out}
        return clean(record)

    return one


def _rivals(name: str, keys: list[str]) -> Callable[[tuple[Any, ...]], frozenset[str]]:
    """Of the fields of a record those that would be written over a part of its primary key.

    `ID` and `id` become one column, and the latter of the two would fill it: with another key the record
    would be there twice.
    """
    from dlt.common.normalizers.naming.snake_case import NamingConvention

    column = NamingConvention().normalize_identifier

    @lru_cache(maxsize=1024)
    def found(fields: tuple[Any, ...]) -> frozenset[str]:
        # A field without a name has no column: dlt leaves it out.
        others = {str(field) for field in fields if field not in keys and str(field).strip()}
        taken = {column(key) for key in keys if key.strip()}
        rivals = frozenset(field for field in others if column(field) in taken)
        for field in sorted(rivals):
            logging.getLogger("spark.plugin").warning(
                'Resource "%s": the field "%s" is left out, since its column is that of the primary key.',
                name,
                field,
            )
        return rivals

    return found


def _kind(value: Any) -> str:
    names = {
        str: "a text",
        list: "a list",
        int: "a number",
        float: "a number",
        bool: "true or false",
    }
    return "null" if value is None else names.get(type(value), type(value).__name__)


def clean(value: Any) -> Any:
    """The value as every destination can hold it.

    U+FFFD stands for a sign that none can, and a whole number of more than 64 bits becomes text:
    as a number dlt refuses the whole load.
    """
    if isinstance(value, str):
        return _UNHOLDABLE.sub(_REPLACEMENT, value)
    if isinstance(value, dict):
        return {clean(key): clean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [clean(item) for item in value]
    if type(value) is int and not _LEAST <= value <= _MOST:
        return str(value)
    return value
