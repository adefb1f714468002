"""Which proxy stands between us and an API server, as for kubectl.

By hand, since what else ``requests`` takes from the environment (``trust_env``) is not meant for an API
server: an entry of ``~/.netrc`` would go there in the place of the kubeconfig's token.
"""

import ipaddress
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests.utils

from spark_operator.model import fields


def of(cluster: Mapping[str, Any], server: str) -> dict[str, str]:
    """By scheme. The kubeconfig's ``proxy-url`` counts before ``HTTPS_PROXY``, ``HTTP_PROXY`` and
    ``NO_PROXY``, which say nothing of a server on this machine."""
    if proxy := fields.text(cluster.get("proxy-url")):
        return {"http": proxy, "https": proxy}
    if _is_here(urlsplit(server).hostname or ""):
        return {}
    return dict(requests.utils.get_environ_proxies(server))


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
