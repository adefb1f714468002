"""The kubeconfig as kubectl reads it: several files, relative paths, keys that stay private.

pykube takes one file, and writes client keys into a world-readable file of a guessable name; here it gets
a document in which every key is a path of a private file already.
"""

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass
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
    paths = [path] if path else [p for p in named.split(os.pathsep) if p]
    places = [Path(p).expanduser().absolute() for p in paths or ["~/.kube/config"]]
    present = [p for p in places if p.is_file()]
    if path and not present:
        raise NoAccess(f"there is no kubeconfig {path}")
    if not present:
        if _IN_CLUSTER.is_dir() and "KUBERNETES_SERVICE_HOST" in os.environ:
            return _of_pod()
        raise NoAccess(
            f"there is no kubeconfig {' nor '.join(map(str, places))}: name one with --kubeconfig or "
            "the environment variable KUBECONFIG"
        )
    chosen, cluster, user = _resolve([(p, _read(p)) for p in present], context)
    document = {
        "current-context": chosen.name,
        "contexts": [{"name": chosen.name, "context": dict(chosen.body)}],
        "clusters": [{"name": cluster.name, "cluster": _settled(cluster)}],
        "users": [] if user is None else [{"name": user.name, "user": _settled(user)}],
    }
    # Without its filepath: pykube would write a token that it has renewed, and this one context, over it.
    return KubeConfig(document, current_context=chosen.name)


def _of_pod() -> KubeConfig:
    """As the ServiceAccount of the pod that we run in, whose token is replaced every hour."""
    config = KubeConfig.from_service_account(str(_IN_CLUSTER))
    config.doc["users"][0]["user"]["tokenFile"] = str(_IN_CLUSTER / "token")
    return config


def _read(path: Path) -> Mapping[str, Any]:
    try:
        return fields.mapping(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        # Without the error's own words: they may repeat a line with a token.
        raise NoAccess(f"the kubeconfig {path} cannot be read ({type(error).__name__})") from None


@dataclass(frozen=True)
class _Entry:
    """A context, a cluster or a user as it stands in the file ``path``."""

    name: str
    body: Mapping[str, Any]
    path: Path


_Documents = list[tuple[Path, Mapping[str, Any]]]


def _entries(documents: _Documents, plural: str) -> dict[str, _Entry]:
    """By name; of two of one name, the first counts."""
    found: dict[str, _Entry] = {}
    for path, document in documents:
        for entry in map(fields.mapping, fields.items(document.get(plural))):
            name = fields.text(entry.get("name"))
            if name:
                body = fields.mapping(entry.get(plural[:-1]))
                found.setdefault(name, _Entry(name, body, path))
    return found


def _resolve(documents: _Documents, wanted: str | None) -> tuple[_Entry, _Entry, _Entry | None]:
    """Context, cluster and user. What the other contexts name is not looked at: it may be of a cluster
    that is no more, and its keys are needed by nobody."""
    currents = (fields.text(document.get("current-context")) for _, document in documents)
    name = wanted or next(filter(None, currents), "")
    if not name:
        raise NoAccess("the kubeconfig has no current-context: name one with --context")
    contexts = _entries(documents, "contexts")
    if name not in contexts:
        known = ", ".join(sorted(contexts)) or "none"
        raise NoAccess(f'the kubeconfig has no context "{name}"; it has: {known}')
    context = contexts[name]
    parts: list[_Entry | None] = []
    for kind, plural in (("cluster", "clusters"), ("user", "users")):
        named = fields.text(context.body.get(kind))
        entry = _entries(documents, plural).get(named)
        if entry is None and (named or kind == "cluster"):
            raise NoAccess(f'the context "{name}" names a {kind} "{named}" that is not there')
        parts.append(entry)
    cluster, user = parts
    assert cluster is not None, "a context without a cluster was refused"
    return context, cluster, user


def _settled(entry: _Entry) -> dict[str, Any]:
    """Each file absolute and there, each embedded one in a private file, the token out of its file."""
    settled, path = dict(entry.body), entry.path
    for key in _FILES:
        embedded = settled.pop(f"{key}-data", None)
        if embedded:
            try:
                content = base64.b64decode("".join(str(embedded).split()), validate=True)
            except (binascii.Error, TypeError, ValueError):
                raise NoAccess(f"{key}-data in {path} is not base64") from None
            settled[key] = str(private_files.write(key, content))
        elif settled.get(key):
            place = path.parent / Path(settled[key]).expanduser()
            if not place.is_file():
                raise NoAccess(f"the file {place}, the {key} of this context, is not there")
            settled[key] = str(place)
    if ("client-certificate" in settled) != ("client-key" in settled):
        there = "certificate" if "client-certificate" in settled else "key"
        raise NoAccess(
            f"{path} has of a client-certificate and its client-key the {there} alone: name both"
        )
    if settled.get("tokenFile"):
        file = path.parent / Path(settled["tokenFile"]).expanduser()
        settled["tokenFile"] = str(file)
        try:
            settled["token"] = file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise NoAccess(f"the token file {file} cannot be read ({error.strerror})") from None
    provider = fields.mapping(settled.get("auth-provider"))
    options = fields.mapping(provider.get("config"))
    if authority := fields.text(options.get("idp-certificate-authority")):
        place = path.parent / Path(authority).expanduser()
        options = {**options, "idp-certificate-authority": str(place)}
        settled["auth-provider"] = {**provider, "config": options}
    command = fields.mapping(settled.get("exec")).get("command")
    if isinstance(command, str) and os.sep in command:
        settled["exec"] = {**settled["exec"], "command": str(path.parent / command)}
    return settled
