"""The credentials of a fetch on this machine: read with the rights of the user, never shown."""

import base64
import binascii
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from spark_cli.exits import Failure
from spark_cli.gather import kinds, manifests
from spark_cli.gather.cluster import ApiFailure, Cluster
from spark_operator.model import fields


def of_path(path: str, keys: Iterable[str]) -> dict[str, bytes]:
    """From a folder with a file a key, from the manifest of a Secret, or from YAML of keys and values."""
    place = Path(path)
    if place.is_dir():
        return {key: (place / key).read_bytes() for key in keys if (place / key).is_file()}
    bodies = [document.body for document in manifests.read(path)]
    if len(bodies) != 1:
        raise Failure(f"{path} must hold one document: a Secret, or keys and their values")
    body = bodies[0]
    if body.get("kind") == "Secret":
        return of_secret(body, keys, path)
    return {key: _text(body[key], key, path) for key in keys if body.get(key) is not None}


def of_secret(body: Mapping[str, Any], keys: Iterable[str], place: str) -> dict[str, bytes]:
    """The wanted keys of a Secret; those that it lacks are absent. Raises Failure."""
    plain, encoded = fields.mapping(body.get("stringData")), fields.mapping(body.get("data"))
    found: dict[str, bytes] = {}
    for key in keys:
        if key in plain:
            found[key] = _text(plain[key], key, place)
        elif encoded.get(key) is not None:
            try:
                found[key] = base64.b64decode(str(encoded[key]), validate=True)
            except (binascii.Error, ValueError):
                raise Failure(f'the key "{key}" in {place} is not base64') from None
    return found


def _text(value: Any, key: str, place: str) -> bytes:
    """A number is none: 012345 would become 5349, and yes True."""
    if not isinstance(value, str):
        raise Failure(f'the value of "{key}" in {place} is no text: quote it, as in {key}: "…"')
    return value.encode()


def of_cluster(
    cluster: Cluster, namespace: str, name: str, keys: Iterable[str]
) -> dict[str, bytes]:
    """From the Secret that the Integration names. Raises Failure, which says what else to do."""
    try:
        body = cluster.find(kinds.SECRET, name, namespace)
    except ApiFailure as error:
        if not error.forbidden:
            raise
        raise Failure(
            f'you may not read the Secret "{name}" in namespace "{namespace}": give the credentials '
            "with --credentials FILE",
            exit=error.exit,
        ) from None
    if body is None:
        raise Failure(
            f'there is no Secret "{name}" in namespace "{namespace}": make it, or give the credentials '
            "with --credentials FILE"
        )
    return of_secret(body, keys, f'the Secret "{name}"')
