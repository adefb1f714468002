"""Tools and packages: refusals that say what to install, builds that go on where they stopped."""

from __future__ import annotations

import os
import platform
import shutil
import threading
from pathlib import Path

import pytest
from dev.errors import RefusalError
from dev.locks import locked
from dev.toolchain import Tool, Toolchain, persistently
from dev.waiting import until

from dev import checkers, gitea, host, packages, prometheus, toolchain

FAKE_GO = """#!/bin/sh
if [ "$1" = version ]; then echo "go version go1.26.1 linux/amd64"; exit; fi
while [ $# -gt 1 ]; do if [ "$1" = -o ]; then out=$2; fi; shift; done
echo "$1" >>"$FAKE_GO/calls"
printf 'half of ' >"$out"
if [ -e "$FAKE_GO/trouble" ]; then cat "$FAKE_GO/trouble"; rm "$FAKE_GO/trouble"; exit 1; fi
if [ -e "$FAKE_GO/killed-at-$1" ]; then kill -9 "$PPID"; exit 1; fi
echo "$1" >>"$out"
"""

TOOLS = tuple(Tool(name, "group", name, "v1") for name in ("one", "two", "three"))


class Workshop:
    """A toolchain whose Go writes down what it is asked to build."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pins = folder / "pins"
        (self.pins / "group").mkdir(parents=True)
        (self.pins / "group" / "go.mod").write_text("module x\n")
        go = folder / "bin" / "go"
        go.parent.mkdir()
        go.write_text(FAKE_GO)
        go.chmod(0o755)

    def toolchain(self) -> Toolchain:
        return Toolchain(self.pins, TOOLS)

    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().split()


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    made = Workshop(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("FAKE_GO", str(tmp_path))
    return made


def test_an_interrupted_tool_build_resumes(workshop: Workshop) -> None:
    """The builder is killed in the middle of the second tool, as by a closed terminal."""
    (workshop.folder / "killed-at-two").touch()
    builder = os.fork()
    if builder == 0:
        os.close(2)
        os.open(os.devnull, os.O_WRONLY)
        workshop.toolchain().build()
        os._exit(0)
    _, status = os.waitpid(builder, 0)
    assert os.waitstatus_to_exitcode(status) == -9
    assert workshop.calls() == ["one", "two"]
    tools = workshop.toolchain()
    assert not tools.ready()
    assert not tools.path("two").exists(), "half a binary never has the real name"
    (workshop.folder / "killed-at-two").unlink()
    tools.build()
    assert workshop.calls() == ["one", "two", "two", "three"]
    assert tools.path("two").read_text() == "half of two\n"
    assert sorted(path.name for path in tools.folder.glob("*.partial")) == []
    tools.build()
    assert len(workshop.calls()) == 4


def test_a_damaged_binary_is_built_again(workshop: Workshop) -> None:
    tools = workshop.toolchain()
    tools.build()
    path = tools.path("one")
    before = path.stat()
    path.write_text("HALF OF one\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert tools.ready(), "size and time alone do not show it"
    assert not tools.ready(thorough=True)
    tools.build(thorough=True)
    assert workshop.calls() == ["one", "two", "three", "one"]
    assert path.read_text() == "half of one\n"


def test_other_pins_are_another_folder(workshop: Workshop) -> None:
    before = workshop.toolchain().folder
    (workshop.pins / "group" / "go.sum").write_text("x v1 h1:…\n")
    assert workshop.toolchain().folder != before


def test_a_failed_build_shows_its_output(workshop: Workshop) -> None:
    (workshop.folder / "trouble").write_text("one.go:1: syntax error\n")
    with pytest.raises(RefusalError, match=r"building one failed:\none.go:1: syntax error"):
        workshop.toolchain().build()


def test_network_trouble_is_tried_again_and_nothing_else_is() -> None:
    answers = ["dial tcp: i/o timeout", "read: connection reset by peer", None]
    pauses: list[float] = []
    persistently(lambda: answers.pop(0), "x", pauses.append)
    assert answers == []
    assert pauses == [2, 4]
    answers = ["checksum mismatch", None]
    with pytest.raises(RefusalError, match="checksum mismatch"):
        persistently(lambda: answers.pop(0), "x", pauses.append)
    with pytest.raises(RefusalError, match="no such host"):
        persistently(lambda: "lookup x: no such host", "x", lambda _: None)


def test_two_builders_wait_for_each_other(workshop: Workshop) -> None:
    tools = workshop.toolchain()
    lock = tools.folder.with_suffix(".lock")
    second = threading.Thread(target=tools.build)
    with locked(lock, "building"):
        second.start()
        until(second.is_alive, 5, "the second builder to start")
        assert not tools.folder.exists()
    second.join(20)
    assert tools.ready()
    assert not lock.exists()


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        ("go version go1.25.9 linux/amd64", "Go 1.25, which is too old: install Go 1.26"),
        ("nonsense", "install Go 1.26"),
    ],
)
def test_an_unsuitable_go_is_refused(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, said: str, refusal: str
) -> None:
    (workshop.folder / "bin" / "go").write_text(f"#!/bin/sh\necho {said}\n")
    with pytest.raises(RefusalError, match=refusal):
        workshop.toolchain().build()
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(RefusalError, match=r"Go is needed .*install Go 1\.26"):
        host.go()


def test_other_systems_and_users_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(RefusalError, match="sudo -E"):
        host.require_linux_root()
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    with pytest.raises(RefusalError, match="this is Darwin: use a Linux machine"):
        host.require_linux_root()


NEEDS = {"no-such-command": "one-package", "/no/such/*/file": "another-package", "sh": "dash"}


def test_missing_packages_are_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    assert packages.missing(NEEDS) == ["another-package", "one-package"]
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(packages, "_has_apt", lambda: True)
    with pytest.raises(RefusalError, match="as root: apt-get install another-package one-package"):
        packages.install(NEEDS)
    monkeypatch.setattr(packages, "_has_apt", lambda: False)
    with pytest.raises(RefusalError, match="install these yourself: another-package one-package"):
        packages.install(NEEDS)


def test_the_versions_are_those_of_the_pins() -> None:
    """A version is said twice: to Go in go.mod, to people and to -ldflags in the table."""
    apart = (*checkers.TOOLS, gitea.GITEA, prometheus.PROMETHEUS, prometheus.PROMTOOL)
    for tool in (*toolchain.TOOLS, *apart):
        if tool.group == "pause":
            continue
        pins = (toolchain.PINS / tool.group / "go.mod").read_text().splitlines()
        pinned = [line.split() for line in pins if tool.version in line.split()]
        assert any(tool.package.startswith(words[0]) for words in pinned), tool
