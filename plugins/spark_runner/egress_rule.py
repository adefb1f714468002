"""Where a fetch may connect to: a rule about addresses and the names that led there.

It asks nobody and opens nothing; `egress` holds every connection of the process to it. What counts is
the address that is connected to, in whatever form it is written: an IPv6 address that carries an IPv4
address (mapped, NAT64, 6to4, Teredo, ISATAP and the like) leads where that one does, and is no better.

A name opens an address only if it was looked up and gave that address. Names are compared as they were
looked up, not as DNS completes them: an answer of DNS is what a stranger says, and so is the canonical
name in it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from spark_plugins.errors import PermanentError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Purpose(Enum):
    """Why the process connects: the runner's own errands are told apart by the code that runs them."""

    FETCH = "fetch"
    DESTINATION = "destination"
    API_SERVER = "API server"


_UNSPECIFIED = "an unspecified address"
_LOOPBACK = "a loopback address"
_LINK_LOCAL = "a link-local address, as the metadata services of clouds are"
_METADATA = "the address of a cloud's metadata service"
_MULTICAST = "a multicast or broadcast address"
_API_SERVER = "an address of the cluster's API server"
_PRIVATE = "a private address"

# Opened by nothing. The metadata services beyond the link-local ranges, each of one cloud: Alibaba,
# Azure, Oracle; AWS, Google, Scaleway.
_ALWAYS: tuple[tuple[Network, str], ...] = tuple(
    (ipaddress.ip_network(network), what)
    for network, what in (
        ("0.0.0.0/8", _UNSPECIFIED),
        ("127.0.0.0/8", _LOOPBACK),
        ("169.254.0.0/16", _LINK_LOCAL),
        ("100.100.100.200/32", _METADATA),
        ("168.63.129.16/32", _METADATA),
        ("192.0.0.192/32", _METADATA),
        ("224.0.0.0/4", _MULTICAST),
        ("255.255.255.255/32", _MULTICAST),
        ("::/128", _UNSPECIFIED),
        ("::1/128", _LOOPBACK),
        ("fe80::/10", _LINK_LOCAL),
        ("fd00:ec2::/32", _METADATA),
        ("fd20:ce::254/128", _METADATA),
        ("fd00:42::42/128", _METADATA),
        ("ff00::/8", _MULTICAST),
    )
)

# Python's `is_global` changes with its version: a table of our own says the same everywhere.
_PRIVATE_V4 = tuple(
    IPv4Network(network)
    for network in (
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT; some clusters' pods
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "240.0.0.0/4",
    )
)
# Of IPv6 all is private (unique local, site-local, unassigned) but this, and within it what follows.
_GLOBAL_V6 = IPv6Network("2000::/3")
_PRIVATE_V6 = tuple(IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "3fff::/20"))

_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR = IPv6Network("2002::/16")
_TEREDO = IPv6Network("2001::/32")
# The IPv4 address ends them, and they lead nowhere of themselves: compatible, translated, local NAT64.
_ENDS_WITH_V4 = tuple(
    IPv6Network(network) for network in ("::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48")
)
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
# The last label begins with a letter, or it would be an address that is none.
_NAME = re.compile(rf"(?:\*\.(?:{_LABEL}\.)*|(?:{_LABEL}\.)+)(?=[a-z]){_LABEL}")
# Below these lie names of all namespaces, so that whoever may write Services in any of them decides where
# such a name leads. Pods have names of their addresses, and many clusters' DNS gives each IPv4 address one.
_OF_ALL_NAMESPACES = re.compile(
    rf"\*\.(?:(?:svc|(?:{_LABEL}\.)?pod)(?:\.cluster\.local)?|(?:cluster\.)?local)"
)
# What C and DNS read as it stands: in C a NUL is the end, in DNS a backslash takes a dot its meaning.
_READ_AS_WRITTEN = re.compile(r"[a-z0-9._-]+")


def reached(address: Address) -> tuple[Address, ...]:
    """Every address that a connection to this one may lead to, all of which must be allowed."""
    if isinstance(address, IPv4Address):
        return (address,)
    number = int(address)
    # Anew, as a scope ("%eth0") would make it unequal to itself.
    plain = IPv6Address(number)
    last = IPv4Address(number & 0xFFFF_FFFF)
    if plain in _MAPPED or plain in _NAT64:
        return (last,)
    if plain in _SIX_TO_FOUR:
        return (IPv4Address(number >> 80 & 0xFFFF_FFFF),)
    if plain in _TEREDO:
        server = IPv4Address(number >> 64 & 0xFFFF_FFFF)
        return (plain, server, IPv4Address(int(last) ^ 0xFFFF_FFFF))
    if number > 1 and any(plain in network for network in _ENDS_WITH_V4):
        return (plain, last)
    if number >> 32 & 0xFFFF_FFFF in _ISATAP:
        return (plain, last)
    return (plain,)


def never(address: Address, api_server: Collection[Address] = ()) -> str | None:
    """What an address is that nothing opens, or None. `api_server` as `reached` gives them."""
    for one in reached(address):
        if one in api_server:
            return _API_SERVER
        for network, what in _ALWAYS:
            if one in network:
                return what
    return None


def is_private(address: Address) -> bool:
    """Whether an address is, or leads to, one that is not of the public internet."""
    return any(_private(one) for one in reached(address))


def _private(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return any(address in network for network in _PRIVATE_V4)
    return address not in _GLOBAL_V6 or any(address in network for network in _PRIVATE_V6)


def plain_name(host: str) -> str:
    """A name as names are compared: in lower case, in ASCII, without the dot of the root."""
    # Where it cannot be written so, it is no name, and matches none.
    with suppress(UnicodeError):
        host = host.encode("idna").decode("ascii")
    return host.rstrip(".").lower()


def is_name(host: str) -> bool:
    """Whether a name means to whoever looks it up what it means to us."""
    return _READ_AS_WRITTEN.fullmatch(plain_name(host)) is not None


@dataclass(frozen=True)
class Rule:
    """`egressHosts` of a Plugin, read. `mend` ends the message about a private address: what to do
    once an administrator has opened it."""

    service: str
    networks: tuple[Network, ...] = ()
    names: frozenset[str] = frozenset()
    # Each with its leading dot.
    below: tuple[str, ...] = ()
    mend: str = ""

    @classmethod
    def of(cls, service: str, egress_hosts: Sequence[str], mend: str = "") -> Rule:
        """Raises `PermanentError` for an entry that is neither a name, `*.name`, an address nor a CIDR."""
        networks: list[Network] = []
        names: set[str] = set()
        below: list[str] = []
        for entry in egress_hosts:
            try:
                networks.append(ipaddress.ip_network(entry, strict=False))
            except ValueError:
                if not _NAME.fullmatch(entry):
                    raise _wrong(
                        service,
                        entry,
                        "which is no host name with a dot, no *.NAME, no address and no CIDR: an "
                        "administrator has to mend it.",
                    ) from None
                if _OF_ALL_NAMESPACES.fullmatch(entry):
                    raise _wrong(
                        service,
                        entry,
                        "below which every namespace has names and decides where they lead: an "
                        "administrator has to name a namespace, as in *.NAMESPACE.svc.",
                    ) from None
                if entry.startswith("*."):
                    below.append(entry[1:])
                else:
                    names.add(entry)
        return cls(service, tuple(networks), frozenset(names), tuple(below), mend)

    def opens_name(self, host: str) -> bool:
        if not is_name(host):
            return False
        name = plain_name(host)
        return name in self.names or any(
            name.endswith(suffix) and len(name) > len(suffix) for suffix in self.below
        )

    def opens_address(self, address: Address) -> bool:
        """Whether the CIDRs cover an address, or all that it leads to beyond the public internet."""
        private = [one for one in reached(address) if _private(one)]
        return self._covers(address) or all(self._covers(one) for one in private)

    def _covers(self, address: Address) -> bool:
        return any(
            address.version == network.version and address in network for network in self.networks
        )

    def refusal(
        self,
        address: Address,
        host: str | None,
        *,
        api_server: Collection[Address] = (),
        purpose: Purpose = Purpose.FETCH,
    ) -> str | None:
        """A sentence for the user where the connection must not be made, else None.

        `host` is the name whose lookup gave the address last, None where nobody looked one up.
        """
        shown = str(address) if host is None else f"{host[:100]} ({address})"
        what = never(address, api_server)
        if what == _API_SERVER and purpose is Purpose.API_SERVER:
            return None
        if what is not None:
            return (
                f"{shown} is {what}, to which no fetch may connect; no egressHosts opens it. Nothing "
                "was sent. Name another host."
            )
        if not is_private(address) or purpose is Purpose.DESTINATION:
            return None
        if self.opens_address(address) or (host is not None and self.opens_name(host)):
            return None
        return (
            f'{shown} is {_PRIVATE}, which is not open to the fetches of "{self.service}". Nothing '
            f"was sent. If it shall be, an administrator adds {_entry(address, host)} to "
            f'spec.egressHosts of Plugin "{self.service}".{self.mend}'
        )


def _wrong(service: str, entry: str, why: str) -> PermanentError:
    told = f'spec.egressHosts of Plugin "{service}" holds "{entry[:64]}", {why}'
    return PermanentError(told, reason="InvalidConfig")


def _entry(address: Address, host: str | None) -> str:
    """What would open it."""
    if host is None:
        return f'"{address}"'
    if _NAME.fullmatch(name := plain_name(host)):
        return f'"{name[:100]}"'
    # It means another host in each namespace, so it can be opened for none.
    return f'the full name of "{host[:63]}" (such as NAME.NAMESPACE.svc, and so in spec.config)'
