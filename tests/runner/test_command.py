"""The command itself, as a person or the image meets it."""

import os
import subprocess
import sys
from pathlib import Path

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
    ended = rest.fetch()
    assert ended.exit == 10
    assert "| spark_plugins.rest" in ended.stderr or "spark_plugins" in ended.stderr
    assert "dlt" not in ended.stderr.split("spark_plugins", 1)[1].replace("default", "")
