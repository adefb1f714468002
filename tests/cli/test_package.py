"""What pip installs: the program, and what it checks manifests against without a cluster."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
HATCHLING = Path(sys.executable).with_name("hatchling")


def build(target: str, source: Path, folder: Path) -> Path:
    subprocess.run(
        [HATCHLING, "build", "--target", target, "--directory", folder],
        cwd=source,
        check=True,
        capture_output=True,
    )
    (made,) = folder.iterdir()
    return made


def held(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if name.startswith("spark_cli/bundled/")}


def test_a_wheel_holds_the_crds_and_plugins_of_its_version_also_made_of_an_sdist(
    tmp_path: Path,
) -> None:
    chart = ROOT / "charts" / "spark-integrations"
    expected = {f"spark_cli/bundled/crds/{p.name}" for p in (chart / "crds").glob("*.yaml")}
    plugins = (chart / "files" / "plugins").glob("*.yaml")
    expected |= {f"spark_cli/bundled/plugins/{p.name}" for p in plugins}
    assert held(build("wheel", ROOT, tmp_path / "wheel")) == expected
    with tarfile.open(build("sdist", ROOT, tmp_path / "sdist")) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    assert held(build("wheel", source, tmp_path / "again")) == expected


def test_the_images_are_built_without_it(tmp_path: Path) -> None:
    """The Dockerfile copies neither cli nor charts: the wheel is built all the same."""
    for name in ("pyproject.toml", "README.md", "LICENSE", "operator", "plugins"):
        (tmp_path / name).symlink_to(ROOT / name)
    assert held(build("wheel", tmp_path, tmp_path / "wheel")) == set()
