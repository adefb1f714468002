"""The command itself: what it says of itself, of wrong arguments, and without a cluster."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.process import free_port
from tests.support.waiting import until

from spark_operator.serve.main import main

COMMAND = str(Path(sys.executable).with_name("spark-operator"))
NEEDED = ["--scheduler=spark/spark", "--runner-image=none:1"]
NOWHERE = json.dumps(
    {
        "current-context": "x",
        "clusters": [{"name": "x", "cluster": {"server": "http://127.0.0.1:9"}}],
        "users": [{"name": "x", "user": {}}],
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
    }
)


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        env={**os.environ, "KUBECONFIG": "/nowhere", **environment},
    )


def free_ports() -> list[str]:
    return [f"--health-port={free_port()}", f"--metrics-port={free_port()}"]


def reason(shown: subprocess.CompletedProcess[str]) -> str:
    """Why it ended: one line for people, after the one in which it says who it is."""
    who, why = shown.stderr.strip().splitlines()
    assert " starts as " in json.loads(who)["message"]
    return why


def test_help_names_every_option() -> None:
    shown = run("--help")
    assert shown.returncode == 0
    for option in (
        "--scheduler",
        "--lease",
        "--runner-image",
        "--watch-namespace",
        "--health-port",
        "--metrics-port",
        "--log-format",
    ):
        assert option in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "--scheduler"),
        (["--scheduler=spark/spark"], "--runner-image"),
        (["--runner-image=none:1", "--scheduler=spark"], "NAMESPACE/NAME"),
        (["--runner-image=none:1", "--scheduler=a/b/c"], "NAMESPACE/NAME"),
        ([*NEEDED, "--lease=/x"], "NAMESPACE/NAME"),
        ([*NEEDED, "--lease-seconds=2"], "at least 3"),
        ([*NEEDED, "--log-format=xml"], "xml"),
        ([*NEEDED, "--health-port=many"], "many"),
        ([*NEEDED, "--health-port=70000"], "70000"),
        ([*NEEDED, "--metrics-port=0"], '"0" is not a port'),
        ([*NEEDED, "--speed=high"], "--speed"),
    ],
    ids=lambda value: " ".join(value) or "none" if isinstance(value, list) else "",
)
def test_wrong_arguments_are_named(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    "kubeconfig",
    [
        None,
        "",
        "{",
        "[]",
        '{"current-context": "gone"}',
        NOWHERE.replace('"server"', '"certificate-authority": "/nowhere/ca.crt", "server"'),
        NOWHERE.replace('"server"', '"certificate-authority-data": "bm90aGluZw==", "server"'),
    ],
    ids=repr,
)
def test_without_a_usable_kubeconfig_it_says_what_is_wrong_in_a_line(
    tmp_path: Path, kubeconfig: str | None
) -> None:
    file = tmp_path / "kubeconfig"
    if kubeconfig is not None:
        file.write_text(kubeconfig)
    shown = run(*NEEDED, f"--health-port={free_port()}", KUBECONFIG=str(file), HOME=str(tmp_path))
    assert shown.returncode == 1
    assert reason(shown).startswith("spark-operator: ")


@pytest.mark.parametrize("option", ["--health-port", "--metrics-port"])
def test_a_port_that_is_taken_is_named_in_a_line(tmp_path: Path, option: str) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(NOWHERE)
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = taken.getsockname()[1]
        shown = run(*NEEDED, *free_ports(), f"{option}={port}", KUBECONFIG=str(kubeconfig))
    assert shown.returncode == 1
    assert f"{option} {port}: " in reason(shown)


def test_each_line_of_the_json_log_is_an_object(tmp_path: Path) -> None:
    kubeconfig, log = tmp_path / "kubeconfig", tmp_path / "log"
    kubeconfig.write_text(NOWHERE)
    with log.open("wb") as file:
        process = subprocess.Popen(
            [COMMAND, *NEEDED, *free_ports(), "--log-format=json"],
            stdout=file,
            stderr=file,
            env={**os.environ, "KUBECONFIG": str(kubeconfig)},
        )
    try:
        until(lambda: "does not answer" in log.read_text(), 20, log.read_text)
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
    finally:
        process.kill()
        process.wait()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert {"time", "level", "logger", "message"} <= lines[0].keys()
    assert [line["level"] for line in lines[:2]] == ["info", "warning"]


def test_the_log_is_text_on_a_terminal_and_json_elsewhere(tmp_path: Path) -> None:
    def said(stderr: int) -> None:
        subprocess.run(
            [COMMAND, *NEEDED],
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            timeout=20,
            check=False,
            env={**os.environ, "KUBECONFIG": "/nowhere", "HOME": str(tmp_path)},
        )

    ours, terminal = os.openpty()
    said(terminal)
    os.close(terminal)
    shown = os.read(ours, 4096).decode()
    os.close(ours)
    assert re.match(r"\d{4}-\d\d-\d\d \S+ INFO +spark-operator .* starts as ", shown)
    log = tmp_path / "log"
    with log.open("wb") as file:
        said(file.fileno())
    assert " starts as " in json.loads(log.read_text().splitlines()[0])["message"]
