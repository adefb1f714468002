"""Reading mounted Secrets: one file a key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError

from spark_plugins.errors import MissingCredential, PermanentError
from spark_runner.document import Document, fields

MAX_BYTES = 64 * 1024


def read_key(folder: Path, key: str, secret: str, max_bytes: int = MAX_BYTES) -> str | None:
    """The text of a key, without the line break that editors and `--from-file` leave at its end.

    None where the file is missing or empty. Raises `PermanentError` where it cannot be text.
    """
    try:
        raw = (folder / key).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if len(raw) > max_bytes:
        raise PermanentError(
            f'The key "{key}" of Secret "{secret}" is larger than {max_bytes // 1024} KiB.',
            reason="InvalidCredentials",
        )
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise PermanentError(
            f'The key "{key}" of Secret "{secret}" is not UTF-8 text.', reason="InvalidCredentials"
        ) from None
    return text.rstrip("\r\n") or None


def read_credentials(model: type[Any], document: Document, folder: Path) -> tuple[Any, list[str]]:
    """The plugin's Credentials and every secret value in them, for the scrubber.

    Raises `MissingCredential` for a required key without a file and `PermanentError` for a value
    that the plugin's model refuses.
    """
    part = document.credentials
    secret = (part.secret_name if part else None) or ""
    values: dict[str, str] = {}
    for key, field in model.model_fields.items():
        text = read_key(folder, key, secret)
        if text is not None:
            values[key] = text
        elif field.is_required():
            raise MissingCredential(key)
    try:
        credentials = model(**{key: SecretStr(text) for key, text in values.items()})
    except ValidationError as error:
        raise PermanentError(
            f'The Secret "{secret}" is not what the plugin expects: {fields(error)}.',
            reason="InvalidCredentials",
        ) from None
    return credentials, list(values.values())


def how_to_mend(error: MissingCredential, document: Document, folder: Path) -> str:
    """The sentence for a missing key: which Secret, which key, and the command that mends it."""
    part = document.credentials
    why = f" ({error.why})" if error.why else ""
    if part is None or part.secret_name is None:
        return (
            f'The credential "{error.key}" is missing{why}: create a Secret with this key in '
            f"namespace {document.namespace} and name it in spec.credentialsSecretName."
        )
    secret, namespace = part.secret_name, document.namespace
    if _has_any_key(folder):
        mend = (
            f"kubectl patch secret {secret} -n {namespace} "
            f'-p \'{{"stringData":{{"{error.key}":"VALUE"}}}}\''
        )
        fault = f'Secret "{secret}" has no key "{error.key}"{why}'
    else:
        # An optional mount looks the same for a Secret that is not there and one without our keys.
        mend = (
            f"kubectl create secret generic {secret} -n {namespace} "
            f"--from-literal={error.key}=VALUE"
        )
        fault = f'Secret "{secret}" has no key "{error.key}" or does not exist{why}'
    return f"{fault}: add it with {mend}, then {document.force_command}"


def _has_any_key(folder: Path) -> bool:
    try:
        return any(entry.is_file() for entry in folder.iterdir())
    except OSError:
        return False
