"""How the command ends: codes, one line for what went wrong, no traceback."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from tests.cli.support import Spark
from tests.support.process import free_port

import spark_cli.main
from spark_cli.exits import Exit

COMMANDS = list(spark_cli.main.COMMANDS)


@pytest.fixture
def nowhere(tmp_path: Path) -> Spark:
    """With a kubeconfig of a server that is not there."""
    path = tmp_path / "kubeconfig"
    path.write_text(
        "{current-context: a, contexts: [{name: a, context: {cluster: a}}], "
        f"clusters: [{{name: a, cluster: {{server: 'http://127.0.0.1:{free_port()}'}}}}]}}"
    )
    return Spark(path)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_tells_what_it_does(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert spark_cli.main.run([name, "--help"]) == Exit.OK
    told = capsys.readouterr().out
    assert told.startswith(f"Usage: kubectl spark {name} ")
    assert "..." not in told.split("Options:")[0].replace("FILE...", "").replace("]...", "")


def test_the_help_lists_each_command_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert spark_cli.main.run(["--help"]) == Exit.OK
    told = capsys.readouterr().out
    lines = told.partition("Commands:")[2].partition("Exit codes:")[0].strip().splitlines()
    assert [line.split()[0] for line in lines] == COMMANDS
    assert not [line for line in lines if line.endswith("...")]


@pytest.mark.parametrize(
    "arguments", [["nosuch"], ["list", "--nosuch"], ["list", "-n", "a", "-A"], ["validate"]]
)
def test_wrong_use_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert spark_cli.main.run(arguments) == Exit.USAGE
    assert "Error: " in capsys.readouterr().err


def test_a_server_that_is_not_there_is_4_in_one_line(nowhere: Spark) -> None:
    for arguments in (["list"], ["fetch", "x"], ["doctor"], ["check"]):
        answer = nowhere(*arguments)
        assert answer.code == 4
        (line,) = answer.err.splitlines()
        assert "cannot be reached: no connection" in line


def test_what_nobody_foresaw_is_70_in_one_line_and_debug_shows_where(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(spark_cli.main.COMMANDS, "list", "no_such_module")
    assert spark_cli.main.run(["list"]) == Exit.DEFECT
    (line,) = capsys.readouterr().err.splitlines()
    assert "ModuleNotFoundError" in line
    assert "--debug shows where" in line
    assert spark_cli.main.run(["list", "--debug"]) == Exit.DEFECT
    assert "Traceback" in capsys.readouterr().err


def test_the_page_has_a_row_for_each_exit_code() -> None:
    page = (Path(__file__).parents[2] / "docs" / "kubectl-spark.md").read_text()
    for code in Exit:
        assert f"| {code.value} |" in page


def test_nothing_but_run_needs_what_the_runner_needs() -> None:
    """pip install 'spark-integrations[cli]' brings neither pydantic nor dlt."""
    folder = Path(spark_cli.main.__file__).parent
    for path in folder.rglob("*.py"):
        if path.name in ("fetch_here.py",):
            continue
        for node in ast.parse(path.read_text()).body:
            named = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            for name in named:
                assert name.split(".")[0] not in ("spark_runner", "spark_plugins", "dlt"), path
