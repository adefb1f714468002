"""A network of a test's own: any address can be listened on, and names mean what the test says.

Linux keeps a network by the thread: a socket belongs to the one in which it was made, and is served from
anywhere. So the services of a test lie in there and are scripted out here, and what is under test is
taken in by `enter` and sees nothing else. Needs root.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import TypeVar

Made = TypeVar("Made")

_KINDS = {"net": 0x4000_0000, "mnt": 0x0002_0000}
_NAMESERVER = "10.99.0.53"
_SCRIPT = """\
set -e
mount --bind "$1/resolv.conf" /etc/resolv.conf
mount --bind "$1/hosts" /etc/hosts
ip link set lo up
shift
for address; do ip address add "$address" dev lo nodad; done
echo ready
exec cat
"""


def enter(pid: int) -> None:
    """Take this process, which has one thread, into the network of that one, with its DNS server."""
    descriptors = {kind: os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY) for kind in _KINDS}
    for kind, descriptor in descriptors.items():
        _join(descriptor, kind)
        os.close(descriptor)


def _join(descriptor: int, kind: str) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, _KINDS[kind]):
        raise OSError(ctypes.get_errno(), "setns")


class Network:
    """`names` is what its DNS server answers: a name gives its addresses, or those of its next turn.

    None in their place is a server that fails.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.names: dict[str, list[str] | Iterator[list[str] | None]] = {}
        # Each question, in order; AAAA and A are two.
        self.asked: list[str] = []
        self.pid = process.pid

    def inside(self, make: Callable[[], Made]) -> Made:
        """What `make` makes in there, such as a server."""

        def run() -> Made:
            with open(f"/proc/{self.pid}/ns/net", "rb") as file:
                _join(file.fileno(), "net")
            return make()

        # The thread ends with it: no other work must find itself in there.
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(run).result()

    def serve_names(self, sock: socket.socket) -> None:
        """Answer until the socket is closed."""
        while True:
            try:
                question, client = sock.recvfrom(512)
                sock.sendto(self._answer(question), client)
            except OSError:
                return

    def _answer(self, question: bytes) -> bytes:
        labels, at = [], 12
        while length := question[at]:
            labels.append(question[at + 1 : at + 1 + length].decode())
            at += length + 1
        kind = struct.unpack_from("!H", question, at + 1)[0]
        name = ".".join(labels).lower()
        self.asked.append(name)
        known = self.names.get(name)
        found: list[str] | None = []
        # One turn a lookup: of its two questions only that for IPv4 takes it.
        if isinstance(known, list):
            found = known
        elif known is not None and kind == 1:
            found = next(known)
        # SERVFAIL, NOERROR, NXDOMAIN.
        flags = 0x8182 if found is None else 0x8180 if known is not None else 0x8183
        found = found or []
        version = {1: 4, 28: 6}.get(kind)
        packed = [a.packed for a in map(ip_address, found) if a.version == version]
        header = struct.pack("!2sHHHHH", question[:2], flags, 1, len(packed), 0, 0)
        records = b"".join(
            struct.pack("!HHHIH", 0xC00C, kind, 1, 0, len(data)) + data for data in packed
        )
        return header + question[12 : at + 5] + records


@contextmanager
def network(folder: Path, addresses: list[str]) -> Iterator[Network]:
    """One with these addresses, 127.0.0.1 and ::1, and a DNS server."""
    (folder / "resolv.conf").write_text(f"nameserver {_NAMESERVER}\noptions timeout:1 attempts:2\n")
    (folder / "hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
    command = ["unshare", "--net", "--mount", "sh", "-c", _SCRIPT, "sh", str(folder)]
    process = subprocess.Popen(
        [*command, f"{_NAMESERVER}/32", *addresses],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            raise RuntimeError("no network could be made")
        made = Network(process)

        def nameserver() -> socket.socket:
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind((_NAMESERVER, 53))
            return sock

        with made.inside(nameserver) as sock:
            threading.Thread(target=made.serve_names, args=(sock,), daemon=True).start()
            yield made
    finally:
        process.communicate()


def possible() -> bool:
    """Whether there is the right to make one."""
    return os.geteuid() == 0
