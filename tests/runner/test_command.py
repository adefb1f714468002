"""The command itself, as a person or the image meets it."""

import json
import os
import subprocess
import sys
from pathlib import Path

from spark_plugins.testing import json_answer

COMMAND = Path(sys.executable).with_name("spark-fetch")


def run(*arguments, **environment):
    return subprocess.run(
        [COMMAND, *arguments],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_help_explains_what_the_command_is_for():
    shown = run("--help")
    assert shown.returncode == 0
    assert "SPARK_INTEGRATION" in shown.stdout
    assert "exit codes" in shown.stdout


def test_without_an_integration_it_says_what_is_missing():
    shown = run()
    assert shown.returncode == 2
    assert "SPARK_INTEGRATION is not set" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_a_wrong_config_is_refused_before_dlt_is_imported(rest):
    rest.config = {}
    rest.environment = {"PYTHONPROFILEIMPORTTIME": "1"}
    ended = rest.end(rest.start())
    assert ended.exit == 10
    imported = {line.rpartition("|")[2].strip() for line in ended.stderr.splitlines()}
    assert "spark_plugins.rest.config" in imported
    assert "dlt" not in imported


def test_the_whole_way_from_a_cold_start(warehouse, service, postgres):
    service.on("/items", json_answer([{"id": 1}]))
    ended = warehouse.end(warehouse.start())
    assert (ended.exit, ended.message) == (0, {"rows": 1})
    assert ended.stdout == ""
    lines = [json.loads(line) for line in ended.stderr.splitlines()]
    assert {"time", "level", "logger", "message", "integration", "run", "attempt"} == set(lines[-1])
    assert warehouse.leftovers() == []
