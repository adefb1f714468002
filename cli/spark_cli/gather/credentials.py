"""Credentials by a command (``exec`` in a kubeconfig), as managed clusters want them.

pykube knows the versions before v1 alone, and runs the command for each request.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pykube.http import KubernetesHTTPAdapter

from spark_cli.exits import NoAccess
from spark_cli.gather import private_files
from spark_operator.model import fields, timestamps

_VERSIONS = tuple(f"client.authentication.k8s.io/{v}" for v in ("v1", "v1beta1", "v1alpha1"))
_SKEW = timedelta(seconds=30)


class _Named:
    def __init__(self, path: Path) -> None:
        self.name = str(path)


class Adapter(KubernetesHTTPAdapter):  # type: ignore[misc]
    """pykube's, with ``exec`` done here; the credential is kept until it ends, or is refused."""

    _credential: Mapping[str, Any] | None = None

    def _setup_request_auth(
        self, config: Any, request: Any, kwargs: Any
    ) -> Callable[..., Any] | None:
        user = config.user
        if "exec" not in user or user.get("token") or "Authorization" in request.headers:
            found: Callable[..., Any] | None = super()._setup_request_auth(config, request, kwargs)
            return found
        untouched = request.copy()
        if not _valid(self._credential, datetime.now(UTC)):
            self._credential = obtain(user["exec"], config.cluster)
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


def _valid(credential: Mapping[str, Any] | None, now: datetime) -> bool:
    if credential is None:
        return False
    ends = timestamps.parse(credential.get("expirationTimestamp"))
    return ends is None or now < ends - _SKEW


def obtain(wanted: Mapping[str, Any], cluster: Mapping[str, Any]) -> Mapping[str, Any]:
    """The status of the ExecCredential that the command gives. Raises NoAccess."""
    version = fields.text(wanted.get("apiVersion"))
    if version not in _VERSIONS:
        raise NoAccess(f'exec in the kubeconfig has an apiVersion "{version}" that is not known')
    command = [fields.text(wanted.get("command")), *map(str, fields.items(wanted.get("args")))]
    interactive = wanted.get("interactiveMode") != "Never" and sys.stdin.isatty()
    spec: dict[str, Any] = {"interactive": interactive}
    if wanted.get("provideClusterInfo") is True:
        spec["cluster"] = {"server": cluster.get("server")}
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
            check=True,
        )
        status = fields.mapping(fields.mapping(json.loads(done.stdout)).get("status"))
    except FileNotFoundError:
        hint = fields.text(wanted.get("installHint")).strip()
        raise NoAccess(
            f'the command "{command[0]}", which the kubeconfig names for credentials, is not '
            f"installed{': ' + hint if hint else ''}"
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
