"""The manifest for krew, and the archive that it names."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
KREW = ROOT / "cli" / "krew"


@pytest.fixture
def manifest() -> dict[str, Any]:
    body: dict[str, Any] = yaml.safe_load((KREW / "spark.yaml").read_text())
    return body


@pytest.fixture
def archive(tmp_path: Path) -> tuple[Path, str]:
    """The archive as it is built, and its checksum."""
    spec = importlib.util.spec_from_file_location("archive", KREW / "archive.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    path = module.build(tmp_path)
    return path, module.checksum(path)


def test_the_manifest_is_what_krew_takes(manifest: dict[str, Any]) -> None:
    """As `validate-krew-manifest` has it: names, a semantic version, one archive a platform."""
    assert manifest["apiVersion"] == "krew.googlecontainertools.github.com/v1alpha2"
    assert manifest["kind"] == "Plugin"
    assert manifest["metadata"] == {"name": "spark"}, "kubectl-spark is found by this name"
    spec = manifest["spec"]
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert spec["version"] == f"v{version}"
    assert 0 < len(spec["shortDescription"]) <= 60
    assert "\n" not in spec["shortDescription"]
    assert spec["homepage"].startswith("https://")
    for platform in spec["platforms"]:
        assert re.fullmatch(r"[0-9a-f]{64}", platform["sha256"])
        assert platform["uri"].endswith((".zip", ".tar.gz"))
        assert f"v{version}" in platform["uri"]
        assert platform["bin"] in {file["from"] for file in platform["files"]}
        assert platform["selector"]["matchExpressions"][0]["key"] == "os"


def test_the_checksum_is_that_of_the_archive(
    manifest: dict[str, Any], archive: tuple[Path, str]
) -> None:
    path, checksum = archive
    (platform,) = manifest["spec"]["platforms"]
    assert platform["sha256"] == checksum, "python cli/krew/archive.py FOLDER prints it anew"
    with zipfile.ZipFile(path) as opened:
        assert set(opened.namelist()) == {file["from"] for file in platform["files"]}


def test_what_krew_installs_runs_the_package_and_says_where_it_is_missing(
    tmp_path: Path, archive: tuple[Path, str]
) -> None:
    subprocess.run(
        [sys.executable, "-m", "zipfile", "-e", archive[0], tmp_path / "out"], check=True
    )
    launcher = tmp_path / "out" / "kubectl-spark"

    def run(python: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", launcher, "--version"],
            env={**os.environ, "KUBECTL_SPARK_PYTHON": python},
            capture_output=True,
            text=True,
            check=False,
        )

    assert run(sys.executable).stdout.startswith("kubectl spark, version ")
    missing = run("/nonexistent/python")
    assert missing.returncode == 1
    assert "pip install 'spark-integrations[cli]'" in missing.stderr
