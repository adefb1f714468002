"""Reading /proc. A process number alone names nobody: it is used again; with its start time it does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

STATE, START_TIME = 0, 19
"""Positions in /proc/N/stat after the closing parenthesis of the command's name."""


@dataclass(frozen=True)
class Process:
    """A process of the cluster: its number outside, inside, and its memory."""

    outer: int
    inner: int
    resident_kib: int
    command: str


def stat_fields(line: str) -> tuple[int, list[str]]:
    """Process number and the fields after the command's name, which may hold any character."""
    head, _, tail = line.rpartition(")")
    return int(head.split(" ", 1)[0]), tail.split()


def alive(pid: int, start_time: str | None = None) -> bool:
    """Whether this process lives. A zombie does not: its namespaces are gone already."""
    try:
        _, fields = stat_fields(Path(f"/proc/{pid}/stat").read_text())
    except (OSError, ValueError):
        return False
    return fields[STATE] not in "ZX" and start_time in (None, fields[START_TIME])


def child_of(pid: int) -> int | None:
    """The first living child of a process."""
    for candidate in _numbers():
        try:
            _, fields = stat_fields(Path(f"/proc/{candidate}/stat").read_text())
        except (OSError, ValueError):
            continue
        if int(fields[1]) == pid and fields[STATE] not in "ZX":
            return candidate
    return None


def in_namespace_of(pid: int) -> Iterator[Process]:
    """Every living process in the process namespace of `pid`."""
    try:
        namespace = os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return
    for candidate in _numbers():
        try:
            if os.readlink(f"/proc/{candidate}/ns/pid") != namespace:
                continue
            lines = Path(f"/proc/{candidate}/status").read_text().splitlines()
            status = {key: value.split() for key, _, value in (x.partition(":") for x in lines)}
            command = Path(f"/proc/{candidate}/cmdline").read_bytes()
            if status["State"][0] in "ZX":
                continue
            yield Process(
                candidate,
                int(status["NSpid"][-1]),
                int(status.get("VmRSS", ["0"])[0]),
                command.replace(b"\0", b" ").decode(errors="replace").strip(),
            )
        except (OSError, KeyError, ValueError):
            continue  # it ended while we looked


def _numbers() -> list[int]:
    return sorted(int(name) for name in os.listdir("/proc") if name.isdigit())
