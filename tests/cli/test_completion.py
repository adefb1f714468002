"""Tab: by kubectl itself, and by the shells."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.cli.support import PROGRAM, Spark
from tests.operator.support import QUICK
from tests.support.world import World

from spark_cli import completion


def offered(*words: str) -> list[str]:
    """The candidates for a command line, without their descriptions."""
    return [line.partition("\t")[0] for line in completion.candidates(words)[0]]


def test_commands_options_and_choices_are_offered() -> None:
    assert offered("re") == ["retry", "resume", "reset"]
    assert "--force" in offered("fetch", "--f")
    assert offered("list", "-o", "") == ["json", "yaml", "wide", "name"]
    assert completion.candidates(["validate", ""]) == ([], 0), "files are the shell's"
    lines, directive = completion.candidates(["sus"])
    assert (lines, directive) == (["suspend\tStart no fetch until resumed."], 4)


def test_without_a_cluster_nothing_is_offered_and_nothing_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nonexistent")
    assert offered("status", "") == []
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_given_its_script(shell: str) -> None:
    answer = Spark("/nonexistent")("completion", shell)
    assert answer.code == 0
    assert "_KUBECTL_SPARK_COMPLETE" in answer.out


def test_the_script_of_bash_asks_the_program() -> None:
    environment = {
        **os.environ,
        "_KUBECTL_SPARK_COMPLETE": "bash_complete",
        "COMP_WORDS": "kubectl-spark sus",
        "COMP_CWORD": "1",
    }
    done = subprocess.run([PROGRAM], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "plain,suspend\n"


@pytest.mark.apiserver
@pytest.mark.slow
def test_kubectl_finds_the_plugin_and_completes_names_of_integrations(
    world: World, apiserver: Any
) -> None:
    world.make("alice", fate=QUICK)
    world.make("albert", fate=QUICK)
    kubectl = apiserver.toolchain.path("kubectl")
    environment = {
        **os.environ,
        "KUBECONFIG": str(world.kubeconfig),
        "PATH": f"{PROGRAM.parent}:{Path(kubectl).parent}:{os.environ['PATH']}",
    }

    def ask(*words: str) -> str:
        return subprocess.run(
            [kubectl, *words], env=environment, capture_output=True, text=True, check=True
        ).stdout

    assert str(PROGRAM) in ask("plugin", "list")
    assert ask("spark", "list", "-n", world.namespace, "-o", "name").count("\n") == 2
    told = ask("__complete", "spark", "status", "-n", world.namespace, "al")
    assert [line.partition("\t")[0] for line in told.splitlines()[:2]] == ["albert", "alice"]
    assert ":4" in told.splitlines()
    told = ask("__complete", "spark", "status", "-n", world.namespace, "albert", "al")
    assert [line.partition("\t")[0] for line in told.splitlines()[:1]] == ["alice"]
