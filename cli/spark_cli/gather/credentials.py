"""Who we are to the API server, where pykube does less than kubectl: credentials by a command (``exec``),
as managed clusters want them, tokens in files that change, and whom we act as.

pykube knows the versions of ``exec`` before v1 alone, and runs the command for each request.
"""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pykube.http import KubernetesHTTPAdapter

from spark_cli.exits import NoAccess
from spark_cli.gather import private_files
from spark_operator.model import fields, timestamps

_VERSIONS = tuple(f"client.authentication.k8s.io/{v}" for v in ("v1", "v1beta1", "v1alpha1"))
_EXEC_EXTENSION = "client.authentication.k8s.io/exec"
_SKEW = timedelta(seconds=30)


class _Named:
    def __init__(self, path: Path) -> None:
        self.name = str(path)


class Adapter(KubernetesHTTPAdapter):  # type: ignore[misc]
    """pykube's, with ``exec`` done here; the credential is kept until it ends, or is refused."""

    _credential: Mapping[str, Any] | None = None

    def __init__(self, config: Any, *, exec_seconds: float | None = None) -> None:
        super().__init__(config)
        self._exec_seconds = exec_seconds

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """With the name that the certificate has: pykube gives it to connections without a proxy."""
        if name := fields.text(self.kube_config.cluster.get("tls-server-name")):
            options = {**options, "assert_hostname": name, "server_hostname": name}
        return super().proxy_manager_for(proxy, **options)

    def _setup_request_auth(
        self, config: Any, request: Any, kwargs: Any
    ) -> Callable[..., Any] | None:
        user = config.user
        if file := user.get("tokenFile"):
            request.headers["Authorization"] = f"Bearer {_token(Path(file), user)}"
            return None
        if "exec" not in user or user.get("token") or "Authorization" in request.headers:
            found: Callable[..., Any] | None = super()._setup_request_auth(config, request, kwargs)
            return found
        untouched = request.copy()
        if not _valid(self._credential, datetime.now(UTC)):
            self._credential = obtain(user["exec"], config.cluster, self._exec_seconds)
            self._certificates(self._credential)
        assert self._credential is not None
        if token := fields.text(self._credential.get("token")):
            request.headers["Authorization"] = f"Bearer {token}"

        def retry(send_kwargs: dict[str, Any]) -> Any:
            self._credential = None
            return self.send(untouched, **send_kwargs)

        return retry

    def _certificates(self, credential: Mapping[str, Any]) -> None:
        certificate = fields.text(credential.get("clientCertificateData"))
        key = fields.text(credential.get("clientKeyData"))
        if certificate and key:
            # pykube asks them for their names alone.
            self.cert = _Named(private_files.write("exec-certificate", certificate.encode()))
            self.key = _Named(private_files.write("exec-key", key.encode()))


def _token(file: Path, user: Mapping[str, Any]) -> str:
    """As it stands in the file now: whoever puts it there puts another one there before it ends."""
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError:
        # It was there when we began, as when it is being replaced.
        return fields.text(user.get("token"))


def impersonation(user: Mapping[str, Any]) -> dict[str, str]:
    """The headers for whom the kubeconfig acts as. Raises NoAccess rather than act as another."""
    acting, uid = fields.text(user.get("as")), fields.text(user.get("as-uid"))
    groups = [str(group) for group in fields.items(user.get("as-groups"))]
    extra = {
        str(key): [str(value) for value in fields.items(values)]
        for key, values in fields.mapping(user.get("as-user-extra")).items()
    }
    if not acting:
        if uid or groups or extra:
            raise NoAccess(
                "the kubeconfig has as-uid, as-groups or as-user-extra without as: say whom to act as"
            )
        return {}
    if len(groups) > 1 or any(len(values) > 1 for values in extra.values()):
        raise NoAccess(
            "the kubeconfig acts as a member of several groups, or with several values of one key, of "
            "which kubectl spark can tell one: name one in as-groups and in each of as-user-extra"
        )
    headers = {"Impersonate-User": acting}
    if uid:
        headers["Impersonate-Uid"] = uid
    if groups:
        headers["Impersonate-Group"] = groups[0]
    for key, values in extra.items():
        if values:
            headers[f"Impersonate-Extra-{quote(key.lower(), safe='')}"] = values[0]
    return headers


def _described(cluster: Mapping[str, Any]) -> dict[str, Any]:
    """The cluster, as ``provideClusterInfo`` asks for it."""
    told: dict[str, Any] = {
        key: cluster[key]
        for key in (
            "server",
            "tls-server-name",
            "insecure-skip-tls-verify",
            "proxy-url",
            "disable-compression",
        )
        if cluster.get(key) is not None
    }
    authority = cluster.get("certificate-authority")
    if authority is not None:
        told["certificate-authority-data"] = base64.b64encode(authority.bytes()).decode()
    for extension in map(fields.mapping, fields.items(cluster.get("extensions"))):
        if extension.get("name") == _EXEC_EXTENSION:
            told["config"] = extension.get("extension")
    return told


def _valid(credential: Mapping[str, Any] | None, now: datetime) -> bool:
    if credential is None:
        return False
    ends = timestamps.parse(credential.get("expirationTimestamp"))
    return ends is None or now < ends - _SKEW


def obtain(
    wanted: Mapping[str, Any], cluster: Mapping[str, Any], seconds: float | None = None
) -> Mapping[str, Any]:
    """The status of the ExecCredential that the command gives. Raises NoAccess.

    ``seconds``: after so many it is ended, and it may ask nobody anything.
    """
    version = fields.text(wanted.get("apiVersion"))
    if version not in _VERSIONS:
        raise NoAccess(f'exec in the kubeconfig has an apiVersion "{version}" that is not known')
    command = [fields.text(wanted.get("command")), *map(str, fields.items(wanted.get("args")))]
    interactive = (
        seconds is None and wanted.get("interactiveMode") != "Never" and sys.stdin.isatty()
    )
    spec: dict[str, Any] = {"interactive": interactive}
    if wanted.get("provideClusterInfo") is True:
        spec["cluster"] = _described(cluster)
    environment = dict(os.environ)
    for pair in map(fields.mapping, fields.items(wanted.get("env"))):
        environment[fields.text(pair.get("name"))] = fields.text(pair.get("value"))
    environment["KUBERNETES_EXEC_INFO"] = json.dumps(
        {"apiVersion": version, "kind": "ExecCredential", "spec": spec}
    )
    try:
        done = subprocess.run(  # noqa: S603
            command,
            env=environment,
            stdin=None if interactive else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None if seconds is None else subprocess.DEVNULL,
            timeout=seconds,
            check=True,
        )
        status = fields.mapping(fields.mapping(json.loads(done.stdout)).get("status"))
    except FileNotFoundError:
        hint = fields.text(wanted.get("installHint")).strip()
        raise NoAccess(
            f'the command "{command[0]}", which the kubeconfig names for credentials, is not '
            f"installed{': ' + hint if hint else ''}"
        ) from None
    except subprocess.TimeoutExpired:
        raise NoAccess(
            f'the command "{command[0]}", which the kubeconfig names for credentials, gave none within '
            f"{seconds:g} s"
        ) from None
    except (OSError, subprocess.CalledProcessError) as error:
        code = getattr(error, "returncode", error)
        raise NoAccess(
            f'the command "{command[0]}", which the kubeconfig names for credentials, failed ({code})'
        ) from None
    except ValueError:
        # What it printed may be a secret all the same.
        raise NoAccess(f'the command "{command[0]}" gave no ExecCredential') from None
    if not status.get("token") and not status.get("clientCertificateData"):
        raise NoAccess(f'the command "{command[0]}" gave neither a token nor a certificate')
    return status
