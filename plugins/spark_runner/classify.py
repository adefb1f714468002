"""From an exception to the class of the contract and a sentence for the user.

The order is a judgement: what a plugin says outright goes first, then what HTTP and the database
say in codes, then what dlt says in types. What nobody knows is transient, since most of what fails
without a name passes by itself.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from spark_plugins.errors import (
    MissingCredential,
    PermanentError,
    PluginError,
    RateLimited,
)
from spark_runner import http_errors
from spark_runner.document import Document
from spark_runner.outcome import Exit, Outcome
from spark_runner.secrets import how_to_mend


def chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and all that it was made of, outermost first, each once."""
    pending: list[BaseException | None] = [error]
    met: set[int] = set()
    while pending:
        current = pending.pop(0)
        if current is None or id(current) in met:
            continue
        met.add(id(current))
        yield current
        # dlt keeps a driver's exception in an attribute of its own.
        for name in ("dbapi_exception", "inner_exc", "client_exception"):
            held = getattr(current, name, None)
            if isinstance(held, BaseException):
                pending.append(held)
        pending.append(current.__cause__)
        if not current.__suppress_context__:
            pending.append(current.__context__)


def signalled(error: BaseException) -> bool:
    """Whether dlt has ended the fetch, at a signal."""
    return any(type(cause).__name__ == "SignalReceivedException" for cause in chain(error))


def classify(error: BaseException, document: Document | None, credentials: Path) -> Outcome:
    """The outcome of a fetch that raised. Texts are not scrubbed here."""
    errors = list(chain(error))
    for cause in errors:
        if isinstance(cause, PluginError):
            return _of_plugin(cause, document, credentials)
    if document is not None:
        outcome = _of_http(errors, document) or _of_database(errors, document)
        if outcome is not None:
            return outcome
    return _of_dlt(errors) or _unknown(errors)


def _of_plugin(error: PluginError, document: Document | None, credentials: Path) -> Outcome:
    if isinstance(error, RateLimited):
        return Outcome(
            exit=Exit.RATE_LIMITED,
            message=str(error),
            retry_after_seconds=error.retry_after_seconds,
        )
    if isinstance(error, MissingCredential) and document is not None:
        return Outcome(
            exit=Exit.PERMANENT,
            reason=error.reason,
            message=how_to_mend(error, document, credentials),
        )
    if isinstance(error, PermanentError):
        message = str(error)
        if error.reason == "InvalidCredentials" and document is not None:
            # The operator sees no Secret: it does not notice that one was mended.
            command = document.force_command
            message += "" if command in message else f" Then fetch with {command}"
        return Outcome(exit=Exit.PERMANENT, reason=error.reason, message=message)
    return Outcome(exit=Exit.TRANSIENT, message=str(error))


def _of_http(errors: list[BaseException], document: Document) -> Outcome | None:
    # What was never imported was never raised, and importing it would cost more than the answer.
    if "requests" not in sys.modules:
        return None
    import requests

    for error in errors:
        if isinstance(error, requests.HTTPError) and error.response is not None:
            return http_errors.status_outcome(error.response, document)
    for error in errors:
        if isinstance(error, requests.exceptions.InvalidJSONError):
            return Outcome(
                exit=Exit.TRANSIENT, message="The service answered with something that is no JSON."
            )
        if isinstance(error, requests.exceptions.InvalidHeader):
            return Outcome(
                exit=Exit.PERMANENT,
                reason="InvalidCredentials",
                message="A credential holds characters that no header can carry.",
            )
        if isinstance(
            error,
            requests.ConnectionError
            | requests.Timeout
            | requests.TooManyRedirects
            | requests.exceptions.ChunkedEncodingError
            | requests.exceptions.ContentDecodingError,
        ):
            return http_errors.connection_outcome(error)
    return None


def _of_database(errors: list[BaseException], document: Document) -> Outcome | None:
    destination = document.destination
    if "psycopg2" in sys.modules:
        import psycopg2

        for error in errors:
            if isinstance(error, psycopg2.errors.InsufficientPrivilege):
                return Outcome(
                    exit=Exit.PERMANENT,
                    reason="InvalidConfig",
                    message=f'The account in Secret "{destination.secret_name}" may not write to '
                    f'"{destination.dataset}": {_first_line(error)}',
                )
            if isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError):
                return Outcome(
                    exit=Exit.TRANSIENT,
                    message=f'The destination (PostgreSQL, Secret "{destination.secret_name}") is '
                    f"not available: {_first_line(error)}",
                )
            if isinstance(error, psycopg2.Error):
                return Outcome(
                    exit=Exit.TRANSIENT,
                    message=f"The destination (PostgreSQL) refused: {_first_line(error)}",
                )
    if "duckdb" in sys.modules:
        import duckdb

        for error in errors:
            if isinstance(error, duckdb.Error):
                # For files DuckDB is only the tool, and the user has never heard of it.
                what = "Parquet files" if destination.type == "filesystem" else "DuckDB"
                return Outcome(
                    exit=Exit.TRANSIENT,
                    message=f"The destination ({what}) refused: {_first_line(error)}",
                )
    return None


def _of_dlt(errors: list[BaseException]) -> Outcome | None:
    """What dlt's own types say, by their names: they move between modules from version to version."""
    for error in errors:
        name = type(error).__name__
        if name.startswith("IncrementalCursor"):
            return Outcome(
                exit=Exit.PERMANENT,
                reason="InvalidConfig",
                message="A record has no usable value where incremental.cursorPath leads: "
                f"{_first_line(error)}",
            )
        if name == "CannotCoerceNullException":
            return Outcome(
                exit=Exit.PERMANENT,
                reason="InvalidConfig",
                message=f"A record has no value in its primary key: {_first_line(error)}",
            )
    return None


def _unknown(errors: list[BaseException]) -> Outcome:
    # The innermost one is where it began; the outer ones only say where it passed.
    innermost = errors[-1]
    return Outcome(
        exit=Exit.TRANSIENT,
        message=f"Unexpected {type(innermost).__name__}: {_first_line(innermost)}",
        unexpected=True,
    )


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
