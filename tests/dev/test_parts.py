"""The parts of the workshop that need no cluster."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml
from dev.cluster import Cluster, Options, processes, stages
from dev.cluster.layout import Layout
from dev.errors import RefusalError
from dev.files import tree_hash
from dev.images import Images, pip_settings
from dev.locks import locked
from dev.main import main
from dev.waiting import until

from dev import paths

CERTIFICATE = "/etc/ssl/certs/ca-certificates.crt"


@pytest.mark.parametrize("name", ["", "A", "a/b", "..", "-a", "a" * 33])
def test_a_name_that_cannot_be_a_folder_is_refused(name: str) -> None:
    with pytest.raises(RefusalError, match="cannot name a cluster"):
        Layout.of(name)


def test_folders_that_a_cluster_covers_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/run/user/0")
    with pytest.raises(RefusalError, match="lies under /run"):
        Layout.of("a")


def test_two_users_clusters_of_one_name_have_cgroups_of_their_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mine = Layout.of("a").cgroup
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert Layout.of("a").cgroup != mine


def test_down_without_a_cluster_is_fine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert Cluster("a").down() is False
    assert list(tmp_path.iterdir()) == []


def test_a_process_number_used_again_is_not_the_cluster(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    cluster = Cluster("a")
    cluster.layout.folder.mkdir(parents=True)
    own = Path("/proc/self/stat").read_text()
    number, fields = processes.stat_fields(own)
    fields[processes.START_TIME] = str(int(fields[processes.START_TIME]) + 1)
    cluster.layout.launcher.write_text(f"{number} (any (name) x) {' '.join(fields)}")
    assert cluster.pid is None
    cluster.down()  # and so we are alive


def test_a_broken_environment_is_refused_on_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SPARK_CLUSTER_PORT", "many")
    assert main(["status"]) == 1
    assert capsys.readouterr().err == (
        "spark-dev: SPARK_CLUSTER_PORT is 'many', and should be a number\n"
    )


def test_the_tool_runs_on_the_standard_library_alone() -> None:
    command = [sys.executable, "-I", "-S", str(paths.ROOT / "dev" / "spark-dev"), "--help"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/").stdout
    assert "bring the cluster up" in said


def test_options_survive_the_way_inside() -> None:
    options = Options(kubeless=True, audit=True, began=1.5)
    assert Options.parse(options.dump()) == options


def test_the_stages_are_whole() -> None:
    text = stages.text()
    assert "SETTINGS[" not in text
    assert "      VARIABLES" not in text
    names = [stage["metadata"]["name"] for stage in yaml.safe_load_all(text)]
    assert names == [
        *("pod-run", "pod-wait", "pod-succeed", "pod-fail", "pod-disrupt", "pod-delete"),
        "node-initialize",
    ]


def test_a_lock_is_held_by_one_and_leaves_no_file(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    inside: list[int] = []
    most: list[int] = []

    def work(number: int) -> None:
        for _ in range(20):
            with locked(lock, "testing"):
                inside.append(number)
                most.append(len(inside))
                inside.remove(number)

    threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(most) == 80
    assert max(most) == 1
    assert not lock.exists()


def test_waiting_ends_with_what_was_waited_for() -> None:
    with pytest.raises(TimeoutError, match="the moon"):
        until(lambda: False, 0.05, "the moon", every=0.01)


def test_the_hash_of_sources_sees_content_names_and_modes_only(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    file = tmp_path / "a" / "x.py"
    file.write_text("1")

    def digest() -> str:
        return tree_hash([tmp_path / "a"], tmp_path)

    first = digest()
    (tmp_path / "a" / "__pycache__").mkdir()
    (tmp_path / "a" / "__pycache__" / "x.pyc").write_text("cached")
    assert digest() == first
    file.chmod(0o755)
    second = digest()
    file.write_text("2")
    third = digest()
    file.rename(tmp_path / "a" / "y.py")
    assert len({first, second, third, digest()}) == 4


@pytest.mark.parametrize(
    ("environment", "file", "expected"),
    [
        ({}, "", {"timeout": "60"}),
        ({"PIP_INDEX_URL": "https://x/"}, "", {"timeout": "60", "index-url": "https://x/"}),
        ({"PIP_DEFAULT_TIMEOUT": "9"}, "", {"timeout": "9"}),
        ({}, "[global]\nindex-url = https://y/\n", {"timeout": "60", "index-url": "https://y/"}),
        ({"SSL_CERT_FILE": CERTIFICATE}, "", {"timeout": "60", "cert": CERTIFICATE}),
        ({"PIP_CERT": "/home/me/ca.pem"}, "", {"timeout": "60"}),
        ({"PIP_FIND_LINKS": "/wheels"}, "", {"timeout": "60"}),
        (
            {"PIP_FIND_LINKS": "/wheels", "PIP_NO_INDEX": "1"},
            "",
            {"timeout": "60", "find-links": "/wheels", "no-index": "1"},
        ),
        ({"PIP_REQUIRE_VIRTUALENV": "1"}, "", {"timeout": "60"}),
    ],
)
def test_what_the_build_tells_pip(
    tmp_path: Path, environment: dict[str, str], file: str, expected: dict[str, str]
) -> None:
    config = tmp_path / "pip.conf"
    config.write_text(file)
    assert pip_settings(environment, [config, tmp_path / "absent"]) == expected


def test_images_without_a_dockerfile_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusalError, match="Dockerfile is not there"):
        Images(tmp_path).build()


@pytest.mark.parametrize(
    ("words", "environment", "said"),
    [
        (["current", "down"], {}, "never removes it"),
        (["current", "image", "load"], {"OPERATOR_IMAGE": "a"}, "set RUNNER_IMAGE to"),
        (["current", "up"], {"KUBECONFIG": "/nonexistent"}, "cannot be reached"),
    ],
)
def test_a_cluster_of_the_users_is_only_looked_at(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    environment: dict[str, str],
    said: str,
) -> None:
    for name in ("OPERATOR_IMAGE", "RUNNER_IMAGE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert main(words) == 1
    assert said in capsys.readouterr().err


def test_the_users_kubeconfig_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUBECONFIG", "/a:/b")
    assert main(["current", "kubeconfig"]) == 0
    assert capsys.readouterr().out == "/a:/b\n"
