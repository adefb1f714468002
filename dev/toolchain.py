"""The cluster's programs: pinned Go modules, built once into a folder named after the pins.

Nobody's binaries are downloaded. `go.sum` vouches for every module; the checksum of each result is
written down, so that a file which was damaged later is built again and not run.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dev import host, paths
from dev.errors import RefusalError
from dev.files import sha256, write
from dev.locks import locked

PINS = Path(__file__).resolve().parent / "tools"
KUBERNETES = "v1.36.3"
ATTEMPTS = 5
NETWORK_TROUBLE = re.compile(
    r"dial tcp|i/o timeout|TLS handshake|connection re(set|fused)|unexpected EOF|no such host"
    r"|proxyconnect|network is unreachable|\b(429|50[0234])\b|stream error|server misbehaving"
    r"|context deadline exceeded|Client\.Timeout"
)
"""Go's words for a download that may succeed when tried again; anything else is final."""


@dataclass(frozen=True)
class Tool:
    """One binary: its name, the folder of pins it is built in, the package, linker flags."""

    name: str
    group: str
    package: str
    version: str
    stamps: tuple[str, ...] = ()

    @property
    def ldflags(self) -> str:
        """Stripped; `stamps` sets the version, without which a program takes itself for v0.0.0."""
        return " ".join(["-s", "-w", *(f"-X {stamp}" for stamp in self.stamps)])

    @property
    def flags(self) -> list[str]:
        """What `go build` is told beside what it is told of every tool."""
        return ["-ldflags", self.ldflags]


def _kubernetes(name: str) -> Tool:
    major, minor, _ = KUBERNETES.removeprefix("v").split(".")
    # The API server that believes to be v0.0.0 refuses features newer than that.
    stamps = (
        f"k8s.io/component-base/version.gitVersion={KUBERNETES}",
        f"k8s.io/component-base/version.gitMajor={major}",
        f"k8s.io/component-base/version.gitMinor={minor}",
        f"k8s.io/client-go/pkg/version.gitVersion={KUBERNETES}",
    )
    return Tool(name, "kube", f"k8s.io/kubernetes/cmd/{name}", KUBERNETES, stamps)


TOOLS: tuple[Tool, ...] = (
    Tool("pause", "pause", ".", "v1"),
    Tool("etcd", "etcd", "go.etcd.io/etcd/server/v3", "v3.6.16"),
    _kubernetes("kube-apiserver"),
    _kubernetes("kube-controller-manager"),
    _kubernetes("kube-scheduler"),
    _kubernetes("kubelet"),
    _kubernetes("kube-proxy"),
    _kubernetes("kubectl"),
    Tool("kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok", "v0.8.0"),
    Tool("coredns", "coredns", "github.com/coredns/coredns", "v1.14.0"),
    Tool(
        "helm",
        "helm",
        "helm.sh/helm/v4/cmd/helm",
        "v4.3.1",
        ("helm.sh/helm/v4/internal/version.version=v4.3.1",),
    ),
)


class Toolchain:
    """The folder of built tools that belongs to this checkout's pins."""

    def __init__(self, pins: Path = PINS, tools: Sequence[Tool] = TOOLS) -> None:
        self.pins = pins
        self.tools = tools
        self.folder = paths.cache() / f"bin-{self._pins_hash()}"

    def _pins_hash(self) -> str:
        digest = hashlib.sha256(platform.machine().encode())
        digest.update(repr(self.tools).encode())
        for group in sorted({tool.group for tool in self.tools}):
            for path in sorted((self.pins / group).iterdir()):
                digest.update(f"{group}/{path.name}\0".encode() + path.read_bytes())
        return digest.hexdigest()[:12]

    def path(self, name: str) -> Path:
        """Where a tool lies once it is built."""
        return self.folder / name

    def ready(self, thorough: bool = False) -> bool:
        """Whether nothing needs building. `thorough` reads every byte, else sizes and times do."""
        return all(self._sound(tool, thorough) for tool in self.tools)

    def build(self, thorough: bool = False) -> Path:
        """Build what is missing or damaged; return the folder."""
        paths.visible_inside(self.folder)
        if self.ready(thorough):
            return self.folder
        go = host.go()
        with locked(self.folder.with_suffix(".lock"), "building the tools"):
            self.folder.mkdir(parents=True, exist_ok=True)
            for leftover in self.folder.glob("*.partial"):
                leftover.unlink()
            for number, tool in enumerate(self.tools, 1):
                if not self._sound(tool, thorough):
                    line = f"[{number}/{len(self.tools)}] building {tool.name} {tool.version} … "
                    self._build_one(go, tool, line)
        return self.folder

    def _note(self, tool: Tool) -> Path:
        return self.folder / f"{tool.name}.json"

    def _sound(self, tool: Tool, thorough: bool) -> bool:
        path = self.path(tool.name)
        try:
            note = json.loads(self._note(tool).read_text())
            status = path.stat()
        except (OSError, ValueError):
            return False
        untouched = [status.st_size, status.st_mtime_ns] == note["stat"]
        return untouched and (not thorough or bool(sha256(path) == note["sha256"]))

    def _build_one(self, go: str, tool: Tool, line: str) -> None:
        """Build to a temporary name; only a complete binary ever gets the real one."""
        print(line, end="", file=sys.stderr, flush=True)
        began = time.monotonic()
        # Named after this process: the `go` of a killed builder may live on and write its own.
        partial = self.folder / f"{tool.name}.{os.getpid()}.partial"
        final = self.path(tool.name)
        # -mod=readonly and GOWORK=off: the pins decide, whatever the user's environment says.
        command = [go, "build", "-mod=readonly", "-buildvcs=false", "-trimpath"]
        command += [*tool.flags, "-o", str(partial), tool.package]
        environment = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off"}
        persistently(lambda: _run(command, self.pins / tool.group, environment), tool.name)
        self._note(tool).unlink(missing_ok=True)
        partial.rename(final)
        status = final.stat()
        note = {"sha256": sha256(final), "stat": [status.st_size, status.st_mtime_ns]}
        write(self._note(tool), json.dumps(note), 0o644)
        print(f"{time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)


def _run(command: Sequence[str], folder: Path, environment: dict[str, str]) -> str | None:
    result = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return None if result.returncode == 0 else result.stdout


def persistently(
    attempt: Callable[[], str | None], what: str, pause: Callable[[float], None] = time.sleep
) -> None:
    """Call `attempt` until it returns None, again only while its output blames the network.

    What was downloaded stays in Go's module cache, so each attempt begins where the last one ended.
    """
    for number in range(1, ATTEMPTS + 1):
        said = attempt()
        if said is None:
            return
        blame = NETWORK_TROUBLE.search(said)
        if blame is None or number == ATTEMPTS:
            tail = "\n".join(said.splitlines()[-15:])
            raise RefusalError(f"building {what} failed:\n{tail}")
        seconds = 2**number
        print(f"({blame[0]}; again in {seconds} s) ", end="", file=sys.stderr, flush=True)
        pause(seconds)
