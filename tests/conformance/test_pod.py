"""The processes of the kit: an exit code is read by one thread at a time.

`multiprocessing` reads it from a pipe, once. Each start of a process reads those of all others, and
the one of two threads that comes second takes the empty pipe for exit code 255.
"""

from __future__ import annotations

import os

import pytest

from spark_plugins.testing import pod


class Process:
    """One that has ended with 12, as long as nobody else may ask."""

    def __init__(self, **_how: object) -> None:
        self.sentinel, other = os.pipe()
        os.close(other)
        self.alone_at_start = False

    def start(self) -> None:
        self.alone_at_start = pod._ASKING.locked()

    @property
    def exitcode(self) -> int:
        return 12 if pod._ASKING.locked() else 255

    def kill(self) -> None:
        pass

    def join(self) -> None:
        assert pod._ASKING.locked()


@pytest.fixture
def processes(monkeypatch):
    made: list[Process] = []

    class Forks:
        @staticmethod
        def Process(**how):  # noqa: N802  (as multiprocessing has it)
            made.append(Process(**how))
            return made[-1]

    monkeypatch.setattr(pod, "_FORKS", Forks)
    yield made
    for process in made:
        os.close(process.sentinel)


def test_nobody_reads_an_exit_code_while_a_process_is_started_or_another_reads(processes, tmp_path):
    fetch = pod.Pod(tmp_path, "rss", {}, {"type": "duckdb"})
    assert fetch.fetch().exit == 12
    (process,) = processes
    assert process.alone_at_start
