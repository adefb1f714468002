"""Holds every connection of this process to the rule of `egress_rule`.

The text of a tenant decides where a fetch connects to: an address in `spec.config`, a link in an answer,
a redirect. What is allowed is judged where it cannot be talked round any more, at the address that a
socket is about to connect to: after DNS, after redirects, whichever client asks. An audit hook sees
`connect`, `connect_ex`, `sendto` and `sendmsg` of every socket that is made in Python, asyncio's too, and
cannot be taken off again.

It does not see what connects in C. Of what comes with us that is libpq and nothing else, and libpq goes to
the destination, which is exempt; DuckDB loads no extension and opens no address. A plugin in an image of
its own may bring more (pycurl, grpc, uvloop): then a NetworkPolicy has to do it. Nor is it a cage for a
plugin's code, which an administrator has chosen: it guards against what a tenant writes.

Exempt, each by the code that does it and in its thread alone: the destination from the rule about private
addresses (not from the others), the write-back of credentials from the one about the API server. DNS is
asked by the C library, past the hook; a resolver in Python may send UDP to the servers of
/etc/resolv.conf, at port 53.
"""

from __future__ import annotations

import functools
import ipaddress
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from spark_plugins.errors import PermanentError, TransientError
from spark_runner.egress_rule import Address, Purpose, Rule, is_name, reached

API_HOST = "KUBERNETES_SERVICE_HOST"
API_NAME = "kubernetes.default.svc"
RESOLV_CONF = Path("/etc/resolv.conf")
DNS_PORT = 53
# As long as the C library waits for one server.
LOOKUP_SECONDS = 5.0
AGAIN_SECONDS = 0.25
# What DNS says where there is no such name or no such address; everything else says nothing of that.
_NOT_THERE = (socket.EAI_NONAME, socket.EAI_NODATA, socket.EAI_ADDRFAMILY)

_EVENTS = frozenset(("socket.connect", "socket.sendto", "socket.sendmsg"))
# No tuple of host and port, or of more.
_INTERNET = frozenset((socket.AF_INET, socket.AF_INET6))

# Threads begin with the default: what an errand starts is no errand of ours.
_purpose: ContextVar[Purpose] = ContextVar("purpose", default=Purpose.FETCH)


class EgressRefused(PermanentError):
    """A connection that was not made. No OSError: a client would try it again, or the next address."""

    def __init__(self, message: str) -> None:
        super().__init__(message, reason="InvalidConfig")


@contextmanager
def to_destination() -> Iterator[None]:
    """For requests to the destination, which may have a private address."""
    with _errand(Purpose.DESTINATION):
        yield


@contextmanager
def to_api_server() -> Iterator[None]:
    """For requests that the runner itself sends to the API server."""
    with _errand(Purpose.API_SERVER):
        yield


@contextmanager
def _errand(purpose: Purpose) -> Iterator[None]:
    token = _purpose.set(purpose)
    try:
        yield
    finally:
        _purpose.reset(token)


def install(service: str, egress_hosts: Sequence[str], mend: str = "") -> None:
    """Guard this process, for good, if it runs in a pod of a cluster.

    kubelet sets KUBERNETES_SERVICE_HOST in every container, and neither our Jobs nor an Integration can
    take it away. Where it is missing, somebody runs a plugin on his own machine, against what he has
    there: he could reach it anyway, and there is nobody to guard against.

    `service` and `egress_hosts` are name and field of the Plugin; `mend` is for the message. Raises
    `PermanentError` for entries that cannot be read.
    """
    api_host = os.environ.get(API_HOST)
    if not api_host:
        return
    rule = Rule.of(service, egress_hosts, mend)
    _forget_proxies()
    guard = Guard(rule, ApiServer(api_host, socket.getaddrinfo))
    guard.learn_from_lookups()
    sys.addaudithook(guard.hook)


def _forget_proxies() -> None:
    """A proxy would connect in our place, and not ask the rule."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        del os.environ[name]


class ApiServer:
    """The addresses of the API server, looked up once, beside the start of the fetch."""

    def __init__(self, host: str, lookup: Callable[..., Any]) -> None:
        self._lookup = lookup
        self._host = host
        self._addresses: frozenset[Address] = frozenset()
        # At once where it is an address, as kubelet has it; some clouds put a name in its place.
        literal = _literal(host.strip("[]"))
        if literal is not None:
            self._add([literal])
        self._unknown: tuple[str, ...] = (API_NAME,) if literal is not None else (host, API_NAME)
        self._asked = threading.Thread(target=self._ask, name="api-server", daemon=True)
        self._asked.start()

    def _ask(self) -> None:
        until = time.monotonic() + LOOKUP_SECONDS
        for host in self._unknown:
            while (found := self._look_up(host)) is None:
                if time.monotonic() > until:
                    return
                time.sleep(AGAIN_SECONDS)
            # Where a cluster has no DNS there is no API_NAME, and nobody else can look it up.
            if not found and host == self._host:
                return
            self._unknown = self._unknown[1:]

    def _look_up(self, host: str) -> bool | None:
        """Whether it has an address; None where nobody could say, as when DNS does not answer."""
        there = False
        # One after the other: asked for both, C is content with the answer about one.
        for family in (socket.AF_INET, socket.AF_INET6):
            try:
                found = self._lookup(host, None, family, socket.SOCK_STREAM)
            except (OSError, UnicodeError) as error:
                if isinstance(error, socket.gaierror) and error.errno in _NOT_THERE:
                    continue
                return None
            there = True
            self._add(ipaddress.ip_address(entry[4][0]) for entry in found)
        return there

    def _add(self, addresses: Iterable[Address]) -> None:
        # Replaced as a whole, since another thread may be reading.
        self._addresses |= {one for address in addresses for one in reached(address)}

    def addresses(self) -> frozenset[Address]:
        """Raises `TransientError` where they cannot be told: then nothing may be connected to."""
        self._asked.join(LOOKUP_SECONDS)
        if unknown := self._unknown:
            raise TransientError(
                f"The API server's name {unknown[0][:100]} cannot be resolved, so that connections "
                "cannot be kept away from it."
            )
        return self._addresses


class Guard:
    """The hook, and what it has to remember."""

    def __init__(self, rule: Rule, api_server: ApiServer) -> None:
        self._rule = rule
        self._api_server = api_server
        # The name whose lookup gave an address last: another name of the same host must not profit
        # from one that is open.
        self._names: dict[Address, str] = {}

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Raises `EgressRefused`, which takes the place of the connection."""
        # It is called for each import and each file that is opened: nothing before this line.
        if event in _EVENTS:
            self._judge(*arguments)

    def _judge(self, sock: socket.socket, address: Any) -> None:
        family = int(sock.family)
        if family == socket.AF_UNIX or address is None:
            # A file of this pod; or what was connected before, and judged then.
            return
        if family not in _INTERNET:
            # Such as AF_VSOCK, which leads to the machine below a virtual one.
            raise EgressRefused(
                f"A plugin may not connect to a socket of the family {family}: only to IPv4 and IPv6."
            )
        host, port = address[0], address[1]
        target = _literal(host)
        if target is None:
            # The name is resolved already, in C, and the answer cannot be seen from here.
            raise EgressRefused(
                f'The plugin of "{self._rule.service}" connects to a name ({str(host)[:100]}) and not '
                "to an address, which cannot be judged: its author has to look names up with "
                "socket.getaddrinfo, as socket.create_connection does."
            )
        datagram = int(sock.type) & 0xF == socket.SOCK_DGRAM
        if datagram and port == DNS_PORT and target in _nameservers():
            return
        name = self._names.get(target)
        refused = self._rule.refusal(
            target, name, api_server=self._api_server.addresses(), purpose=_purpose.get()
        )
        if refused is not None:
            raise EgressRefused(refused)

    # --- names

    def learn_from_lookups(self) -> None:
        """Remember from now on which name gave which address.

        A client that keeps a function of its own from before only loses the names, and so what is open.
        """
        original = socket.getaddrinfo

        @functools.wraps(original)
        def getaddrinfo(host: Any, *rest: Any, **named: Any) -> Any:
            found = original(host, *rest, **named)
            self._learn(host, (entry[4][0] for entry in found))
            return found

        by_name = socket.gethostbyname

        @functools.wraps(by_name)
        def gethostbyname(host: Any) -> str:
            found = by_name(host)
            self._learn(host, [found])
            return found

        by_name_ex = socket.gethostbyname_ex

        @functools.wraps(by_name_ex)
        def gethostbyname_ex(host: Any) -> Any:
            found = by_name_ex(host)
            self._learn(host, found[2])
            return found

        socket.getaddrinfo = getaddrinfo
        socket.gethostbyname = gethostbyname
        socket.gethostbyname_ex = gethostbyname_ex

    def _learn(self, host: Any, addresses: Iterable[Any]) -> None:
        name = host.decode("ascii", "replace") if isinstance(host, bytes | bytearray) else host
        for text in addresses:
            address = _literal(text)
            if address is None:
                continue
            if isinstance(name, str) and _literal(name) is None and is_name(name):
                self._names[address] = name
            else:
                # An address in the place of a name is no name, nor is what C reads otherwise than we
                # do, such as "10.0.0.1\0.open.example": it ends what a name has opened.
                self._names.pop(address, None)


def _literal(host: Any) -> Address | None:
    """The address that a text is, None for a name; what the kernel makes of an empty one."""
    if isinstance(host, bytes | bytearray):
        host = bytes(host).decode("ascii", "replace")
    if not isinstance(host, str):
        return None
    if host in ("", "<broadcast>"):
        return ipaddress.IPv4Address(0 if host == "" else 0xFFFF_FFFF)
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


@functools.cache
def _nameservers() -> frozenset[Address]:
    try:
        lines = RESOLV_CONF.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    words = (line.split() for line in lines)
    found = (_literal(word[1]) for word in words if len(word) > 1 and word[0] == "nameserver")
    return frozenset(address for address in found if address is not None)
