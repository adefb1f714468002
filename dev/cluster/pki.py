"""Certificates, tokens and kubeconfigs of one cluster, made anew each time it comes up."""

from __future__ import annotations

import base64
import json
import secrets
import subprocess

from dev.cluster import layout as at
from dev.cluster.layout import Layout
from dev.errors import RefusalError
from dev.files import write

USERS: tuple[tuple[str, str, str], ...] = (
    ("admin", "admin", "system:masters"),
    ("controllers", "system:kube-controller-manager", ""),
    ("scheduler", "system:kube-scheduler", ""),
    ("kubelet", f"system:node:{at.NODE}", "system:nodes"),
    ("proxy", "system:kube-proxy", ""),
    ("coredns", "spark:coredns", "system:masters"),
    ("kwok", "spark:kwok", "system:masters"),
)
"""File name, user, groups."""

EXTENSIONS = f"""[server]
subjectAltName=DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,\
DNS:kubernetes.default.svc.{at.DOMAIN},DNS:localhost,\
IP:127.0.0.1,IP:{at.NODE_ADDRESS},IP:{at.SERVICE_API}
extendedKeyUsage=serverAuth
[client]
extendedKeyUsage=clientAuth
"""


def make(layout: Layout, port: int) -> None:
    """Everything that proves who is who. Elliptic keys: a fraction of a second for all of it."""
    layout.pki("").mkdir(parents=True, exist_ok=True)
    write(layout.pki("extensions"), EXTENSIONS)
    _key(layout, "ca")
    _openssl(
        layout,
        *("req", "-x509", "-new", "-key", "ca.key", "-subj", "/CN=spark-ca", "-days", "3650"),
        *("-out", "ca.crt"),
    )
    _key(layout, "service-accounts")
    _openssl(layout, "ec", "-in", "service-accounts.key", "-pubout", "-out", "service-accounts.pub")
    _certificate(layout, "apiserver", "/CN=kube-apiserver", "server")
    _certificate(layout, "kubelet-client", "/O=system:masters/CN=apiserver", "client")
    _certificate(layout, "front-proxy", "/CN=front-proxy-client", "client")
    _tokens(layout, port)


def _openssl(layout: Layout, *arguments: str) -> None:
    result = subprocess.run(
        ["openssl", *arguments],
        cwd=layout.pki(""),
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise RefusalError(f"openssl {' '.join(arguments)} failed:\n{result.stderr}")


def _key(layout: Layout, name: str) -> None:
    _openssl(layout, "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{name}.key")


def _certificate(layout: Layout, name: str, subject: str, usage: str) -> None:
    _key(layout, name)
    request = f"{name}.csr"
    _openssl(layout, "req", "-new", "-key", f"{name}.key", "-subj", subject, "-out", request)
    _openssl(
        layout,
        *("x509", "-req", "-in", request, "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"),
        *("-days", "3650", "-extfile", "extensions", "-extensions", usage, "-out", f"{name}.crt"),
    )


def _tokens(layout: Layout, port: int) -> None:
    rows = []
    for name, user, groups in USERS:
        token = secrets.token_hex(16)
        rows.append(f'{token},{user},{name},"{groups}"\n')
        write(layout.user_kubeconfig(name), _kubeconfig(layout, user, token, port))
    write(layout.folder / "tokens.csv", "".join(rows))


def _kubeconfig(layout: Layout, user: str, token: str, port: int) -> str:
    authority = base64.b64encode(layout.pki("ca.crt").read_bytes()).decode()
    context = layout.context
    cluster = {
        "server": f"https://127.0.0.1:{port}",
        "certificate-authority-data": authority,
    }
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": context,
            "clusters": [{"name": context, "cluster": cluster}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": context, "context": {"cluster": context, "user": user}}],
        },
        indent=1,
    )
