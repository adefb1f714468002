"""The kubeconfig as kubectl reads it: several files, relative paths, keys that stay private.

pykube takes one file, and writes client keys into a world-readable file of a guessable name; here it gets
a document in which every key is a path of a private file already.
"""

import base64
import binascii
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pykube import KubeConfig

from spark_cli.exits import NoAccess
from spark_cli.gather import private_files
from spark_operator.model import fields

_IN_CLUSTER = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_FILES = ("certificate-authority", "client-certificate", "client-key")


def load(path: str | None, context: str | None) -> KubeConfig:
    """The configuration of a context; ``path`` and ``context`` None mean what kubectl would take.

    Raises NoAccess where there is none, or it names what is not there.
    """
    named = path or os.environ.get("KUBECONFIG", "")
    places = [Path(p).expanduser() for p in ([path] if path else named.split(os.pathsep)) if p]
    if not places:
        places = [Path("~/.kube/config").expanduser()]
    present = [p for p in places if p.is_file()]
    if path and not present:
        raise NoAccess(f"there is no kubeconfig {path}")
    if not present:
        if _IN_CLUSTER.is_dir() and "KUBERNETES_SERVICE_HOST" in os.environ:
            return KubeConfig.from_service_account(str(_IN_CLUSTER))
        raise NoAccess(
            f"there is no kubeconfig {' nor '.join(map(str, places))}: name one with --kubeconfig or "
            "the environment variable KUBECONFIG"
        )
    document = merge([(p, _read(p)) for p in present])
    chosen = context or fields.text(document.get("current-context"))
    _require(document, chosen)
    config = KubeConfig(document, current_context=chosen)
    # exec commands and their relative paths are resolved against it.
    config.filepath = present[0]
    return config


def _read(path: Path) -> Mapping[str, Any]:
    try:
        return fields.mapping(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        # Without the error's own words: they may repeat a line with a token.
        raise NoAccess(f"the kubeconfig {path} cannot be read ({type(error).__name__})") from None


def merge(documents: list[tuple[Path, Mapping[str, Any]]]) -> dict[str, Any]:
    """One document of several: of two entries of one name, and of current-context, the first counts."""
    merged: dict[str, Any] = {"clusters": [], "contexts": [], "users": [], "current-context": ""}
    for path, document in documents:
        merged["current-context"] = merged["current-context"] or fields.text(
            document.get("current-context")
        )
        for plural in ("clusters", "contexts", "users"):
            known = {entry["name"] for entry in merged[plural]}
            singular = plural[:-1]
            for entry in map(fields.mapping, fields.items(document.get(plural))):
                name = fields.text(entry.get("name"))
                if name and name not in known:
                    body = _settled(fields.mapping(entry.get(singular)), path)
                    merged[plural].append({"name": name, singular: body})
    return merged


def _settled(body: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Each file absolute, each embedded one in a private file, and the token out of its file."""
    settled = dict(body)
    for key in _FILES:
        embedded = settled.pop(f"{key}-data", None)
        if embedded:
            try:
                content = base64.b64decode("".join(str(embedded).split()), validate=True)
            except (binascii.Error, TypeError, ValueError):
                raise NoAccess(f"{key}-data in {path} is not base64") from None
            settled[key] = str(private_files.write(key, content))
        elif settled.get(key):
            settled[key] = str(path.parent / Path(settled[key]).expanduser())
    if settled.get("tokenFile") and not settled.get("token"):
        file = path.parent / Path(settled["tokenFile"]).expanduser()
        try:
            settled["token"] = file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise NoAccess(f"the token file {file} cannot be read ({error.strerror})") from None
    command = fields.mapping(settled.get("exec")).get("command")
    if isinstance(command, str) and os.sep in command:
        settled["exec"] = {**settled["exec"], "command": str(path.parent / command)}
    return settled


def _require(document: Mapping[str, Any], context: str) -> None:
    """The context, its cluster, and the files that both name."""
    entries = {
        plural: {entry["name"]: entry[plural[:-1]] for entry in document[plural]}
        for plural in ("clusters", "contexts", "users")
    }
    if not context:
        raise NoAccess("the kubeconfig has no current-context: name one with --context")
    if context not in entries["contexts"]:
        known = ", ".join(sorted(entries["contexts"])) or "none"
        raise NoAccess(f'the kubeconfig has no context "{context}"; it has: {known}')
    body = entries["contexts"][context]
    cluster, user = fields.text(body.get("cluster")), fields.text(body.get("user"))
    if cluster not in entries["clusters"]:
        raise NoAccess(f'the context "{context}" names a cluster "{cluster}" that is not there')
    if user and user not in entries["users"]:
        raise NoAccess(f'the context "{context}" names a user "{user}" that is not there')
    for part in (entries["clusters"][cluster], entries["users"].get(user, {})):
        for key in _FILES:
            if part.get(key) and not Path(part[key]).is_file():
                raise NoAccess(f"the file {part[key]}, the {key} of this context, is not there")
