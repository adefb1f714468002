"""A release has one version, pins what it signed, and is verified as its page says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from dev.checkers import Checkers
from dev.errors import RefusalError
from dev.toolchain import Toolchain
from tests.support.pages import DOCS, ROOT, blocks

from dev import linters, release, versions

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
OPERATOR, RUNNER = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def workflow(name: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text())


def steps(body: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in body["jobs"].values() for step in job.get("steps", [])]


# ---------------------------------------------------------------- workflows


def test_the_workflows_are_clean_for_actionlint() -> None:
    found = subprocess.run(
        [linters.actionlint(), "-no-color", *WORKFLOWS], capture_output=True, text=True, check=False
    )
    assert found.stdout + found.stderr == ""
    assert found.returncode == 0


def test_actionlint_is_heard_when_something_is_wrong(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(WORKFLOWS[0].read_text().replace("runs-on", "run-on"))
    found = subprocess.run(
        [linters.actionlint(), wrong], capture_output=True, text=True, check=False
    )
    assert "run-on" in found.stdout
    assert found.returncode == 1


def test_the_workflows_are_clean_for_zizmor() -> None:
    program = Path(sys.executable).with_name("zizmor")
    command = [program, "--offline", "--no-progress", "--quiet", *WORKFLOWS]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_each_action_is_pinned_by_commit_and_says_of_which_version(path: Path) -> None:
    uses = re.findall(r"uses: (.*)", path.read_text())
    assert uses
    for one in uses:
        ours = one.startswith("./")
        assert ours or re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one), one


def test_no_job_may_more_than_it_says_and_none_has_a_secret() -> None:
    for path in WORKFLOWS:
        body = workflow(path.name)
        assert body["permissions"] in ({}, {"contents": "read"})
        assert "secrets." not in path.read_text()
    jobs = workflow("release.yml")["jobs"]
    writing = {
        (name, right)
        for name, job in jobs.items()
        for right, level in job["permissions"].items()
        if level == "write"
    }
    assert writing == {
        ("publish", "packages"),
        ("publish", "id-token"),
        ("publish", "attestations"),
        ("announce", "contents"),
    }


def test_a_release_is_tested_first_and_verified_before_it_is_announced() -> None:
    jobs = workflow("release.yml")["jobs"]
    assert jobs["test"]["uses"] == "./.github/workflows/ci.yml"
    assert [step["run"] for step in steps(workflow("ci.yml")) if "run" in step][-1] == ".ci/run"
    assert jobs["publish"]["needs"] == "test"
    assert jobs["verify"]["needs"] == "publish"
    assert set(jobs["announce"]["needs"]) == {"publish", "verify"}


def unguarded(body: dict[str, Any]) -> list[str]:
    """The jobs in containers that ask git about a checkout before git was told to trust it.

    A container is root, the checkout belongs to another user: git refuses, and what needs it fails,
    or is skipped. `.ci/run` runs the tests, which ask git for a commit of the past, too.
    """
    found = []
    for name, job in body["jobs"].items():
        if "container" not in job:
            continue
        trusted = False
        for line in "\n".join(step.get("run", "") for step in job["steps"]).splitlines():
            if line.strip() == 'git config --global --add safe.directory "$GITHUB_WORKSPACE"':
                trusted = True
            elif not trusted and re.search(r"(^|[;&|(]\s*)(git|make)\s|\.ci/run", line):
                found.append(f"{name}: {line.strip()}")
    return found


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_each_job_in_a_container_lets_git_read_the_checkout_first(path: Path) -> None:
    body = workflow(path.name)
    assert any("container" in job for job in body["jobs"].values())
    assert unguarded(body) == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_job_without_that_is_noticed(path: Path) -> None:
    text = path.read_text()
    guard = 'git config --global --add safe.directory "$GITHUB_WORKSPACE"'
    assert guard in text
    assert unguarded(yaml.safe_load(text.replace(guard, "echo")))


def test_the_tests_find_the_whole_history() -> None:
    testing = [
        job
        for path in WORKFLOWS
        for job in workflow(path.name)["jobs"].values()
        if any(".ci/run" in step.get("run", "") for step in job.get("steps", []))
    ]
    assert testing
    for job in testing:
        (checkout,) = [s for s in job["steps"] if s.get("uses", "").startswith("actions/checkout@")]
        assert checkout["with"]["fetch-depth"] == 0


def test_what_the_release_runs_of_ours_is_there() -> None:
    commands = re.findall(
        r"python3 -m dev (\w+)((?: (?:build|check|chart))?)",
        "\n".join(step.get("run", "") for step in steps(workflow("release.yml"))),
    )
    assert len(commands) >= 5
    for verb, action in commands:
        help_text = ["python3", "-m", "dev", verb, *action.split(), "--help"]
        subprocess.run(help_text, cwd=ROOT, check=True, capture_output=True)


@pytest.mark.parametrize(
    ("tag", "marked"), [("v1.2.3", False), ("v1.2.3-rc.1", True), ("v0.1.0-alpha", True)]
)
def test_a_version_before_another_is_drafted_as_a_prerelease(
    tmp_path: Path, tag: str, marked: bool
) -> None:
    (drafting,) = [
        step["run"]
        for step in steps(workflow("release.yml"))
        if step.get("name", "").startswith("Draft the release")
    ]
    programs = tmp_path / "bin"
    programs.mkdir()
    gh = programs / "gh"
    gh.write_text('#!/bin/sh\nprintf "%s\\n" "$@" > "$ASKED"\n')
    gh.chmod(0o755)
    left = tmp_path / "release" / "chart" / "x.tgz"
    left.parent.mkdir(parents=True)
    left.touch()
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "ASKED": str(tmp_path / "asked"),
        "GITHUB_REPOSITORY": "owner/repository",
        "TAG": tag,
        **dict.fromkeys(("OPERATOR", "RUNNER", "CHART"), OPERATOR),
    }
    shell = ["bash", "--noprofile", "--norc", "-eu", "-o", "pipefail", "-c", drafting]
    subprocess.run(shell, cwd=tmp_path, env=environment, check=True)
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked[:3] == ["release", "create", tag]
    assert ("--prerelease" in asked) is marked
    assert "" not in asked
    assert {"--draft", "--verify-tag", "release/chart/x.tgz"} < set(asked)


# ---------------------------------------------------------------- the page


def test_the_page_verifies_as_the_workflow_does() -> None:
    (verifying,) = [
        step["run"]
        for step in steps(workflow("release.yml"))
        if step.get("name") == "Verify as a user would"
    ]
    shown = "\n".join(block.text for block in blocks(DOCS / "releasing.md", "sh"))
    run = [line for line in shown.splitlines() if line and not line.startswith("make ")]
    first, second, *rest = run
    assert first == f"REPOSITORY=OWNER/spark-integrations VERSION={versions.current()}"
    assert second == 'REGISTRY="ghcr.io/${REPOSITORY,,}"'
    assert rest == verifying.splitlines()[1:]
    assert verifying.splitlines()[0] == 'VERSION="${TAG#v}" REGISTRY="ghcr.io/${REPOSITORY,,}"'


def test_each_make_of_the_page_is_a_target() -> None:
    shown = "\n".join(block.text for block in blocks(DOCS / "releasing.md", "sh"))
    made = re.findall(r"^make (.*)$", shown, re.MULTILINE)
    assert {"manifests", "sbom", "licences", "scan", "reproduce"} == set(made)
    for target in made:
        subprocess.run(["make", "--dry-run", target], cwd=ROOT, check=True, capture_output=True)


# ---------------------------------------------------------------- version and chart


# What goes out, or shows what does. In tests the version is computed.
OUTGOING = ("README.md", "Dockerfile", "pyproject.toml", "charts", "cli", "docs", "manifests")
# The version of the example's plugin, which may be equal to ours by chance.
OF_THE_EXAMPLE = re.compile(r"shop-plugin:\S+")
EXAMPLE = "docs/example-plugin/pyproject.toml"


def outgoing() -> Iterator[Path]:
    for name in OUTGOING:
        path = ROOT / name
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            generated = {"__pycache__", "dist"} & set(file.parts) or file.is_symlink()
            if file.is_file() and not generated:
                yield file


def test_every_place_has_the_same_version() -> None:
    version = versions.current()
    assert [str(said) for said in versions.everywhere() if said.version != version] == []
    assert release.check(f"v{version}") == version


def test_no_other_place_names_the_version() -> None:
    """When this fails: compute it there, or add the place to dev/versions.py and to the page."""
    named: Counter[tuple[str, int]] = Counter()
    literal = re.compile(rf"(?<![\d.]){re.escape(versions.current())}(?!\d|\.\d)")
    for file in outgoing():
        path = str(file.relative_to(ROOT))
        if path == EXAMPLE:
            continue
        for number, line in enumerate(file.read_text().splitlines(), 1):
            if times := len(literal.findall(OF_THE_EXAMPLE.sub("", line))):
                named[path, number] += times
    assert named == Counter((said.path, said.line) for said in versions.everywhere())


def test_the_page_lists_each_place_that_a_person_sets() -> None:
    text = (DOCS / "releasing.md").read_text()
    listed = set(re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE))
    assert listed == {place.path for place in versions.WRITTEN}
    for place in versions.RENDERED:
        assert f"`{place.path}`" in text, "which `make manifests` writes"


@pytest.mark.parametrize("place", [*versions.WRITTEN, *versions.RENDERED], ids=str)
def test_a_place_with_another_version_stops_the_release(
    tmp_path: Path, place: versions.Place
) -> None:
    copy(tmp_path)
    version = versions.current()
    there = tmp_path / place.path
    text = there.read_text()
    *_, last = re.finditer(place.pattern, text, re.MULTILINE)
    there.write_text(text[: last.start(1)] + "9.9.9" + text[last.end(1) :])
    line = 1 + text.count("\n", 0, last.start(1))
    with pytest.raises(RefusalError, match=rf"{re.escape(place.path)}:{line}: 9\.9\.9$"):
        release.check(f"v{version}", tmp_path)


def test_a_place_that_has_gone_is_no_agreement(tmp_path: Path) -> None:
    copy(tmp_path)
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    with pytest.raises(RefusalError, match="Dockerfile: nothing in it"):
        release.check(f"v{versions.current()}", tmp_path)


def copy(to: Path) -> None:
    """All that names the version."""
    for path in {place.path for place in (*versions.WRITTEN, *versions.RENDERED)}:
        (to / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, to / path)


@pytest.mark.parametrize("tag", ["0.1.0", "v0.1", "v0.1.0+x", "latest", "v0.1.0; rm"])
def test_what_is_no_tag_of_a_release_is_refused(tag: str) -> None:
    with pytest.raises(RefusalError, match="no tag of a release"):
        release.check(tag)


REGISTRY = "ghcr.io/owner/repository"
DIGESTS = {"operator": OPERATOR, "runner": RUNNER}


def images_of(chart: Path) -> list[str]:
    """The operator's, and that of the fetches, as Helm renders them."""
    helm = [Toolchain().path("helm"), "template", "x", chart]
    rendered = subprocess.run(helm, check=True, capture_output=True, text=True).stdout
    (deployment,) = [
        body for body in yaml.safe_load_all(rendered) if body and body["kind"] == "Deployment"
    ]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    (runner,) = [word for word in container["args"] if word.startswith("--runner-image=")]
    return [container["image"], runner.removeprefix("--runner-image=")]


def test_the_chart_of_a_release_pulls_what_was_signed(tmp_path: Path) -> None:
    operator, runner = images_of(release.pinned_chart(tmp_path, REGISTRY, DIGESTS))
    version = versions.current()
    assert operator == f"{REGISTRY}/operator:{version}@{OPERATOR}"
    assert runner == f"{REGISTRY}/runner:{version}@{RUNNER}"


def test_artifact_hub_is_told_the_images_that_the_chart_of_a_release_pulls(tmp_path: Path) -> None:
    chart = release.pinned_chart(tmp_path, REGISTRY, DIGESTS)
    about = yaml.safe_load((chart / "Chart.yaml").read_text())
    told = yaml.safe_load(about["annotations"]["artifacthub.io/images"])
    assert [image["name"] for image in told] == ["operator", "runner"]
    assert [image["image"] for image in told] == images_of(chart)


def test_the_readme_of_a_release_is_what_its_values_make(tmp_path: Path) -> None:
    """What was replaced cell by cell is what `helm-docs` writes of the pinned values."""
    checkers = Checkers()
    if not checkers.ready():
        pytest.skip("helm-docs is not built: make checkers")
    chart = release.pinned_chart(tmp_path, REGISTRY, DIGESTS)
    pinned = (chart / "README.md").read_text()
    assert f'`"{REGISTRY}/operator"`' in pinned
    command = [checkers.helm_docs, "--chart-search-root", tmp_path, "--log-level", "warning"]
    subprocess.run(command, check=True, capture_output=True)
    assert (chart / "README.md").read_text() == pinned


def test_the_chart_of_a_release_differs_in_nothing_else_and_passes_lint(tmp_path: Path) -> None:
    chart = release.pinned_chart(tmp_path, REGISTRY, DIGESTS)
    files = {
        folder: {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
        for folder in (release.CHART, chart)
    }
    assert files[chart] == files[release.CHART]
    differ = {
        str(name)
        for name in files[chart]
        if (chart / name).read_bytes() != (release.CHART / name).read_bytes()
    }
    assert differ == {"values.yaml", "Chart.yaml", "README.md"}
    lint = [Toolchain().path("helm"), "lint", "--strict", chart]
    subprocess.run(lint, check=True, capture_output=True)


@pytest.mark.parametrize(
    ("name", "there", "instead", "said"),
    [
        ("values.yaml", '    digest: ""\n', "", "image.operator in values.yaml"),
        ("values.yaml", "    repository: ", "    name: ", "image.operator in values.yaml"),
        ("Chart.yaml", "    - name: runner\n      image: ", "    - image: x", "Chart.yaml, runner"),
        ("README.md", "| `image.runner.digest` |", "| digest |", "image.runner.digest in the"),
        ("README.md", '/runner"` |', '"` |', "image.runner.repository in the README"),
        ("templates/NOTES.txt", "{{-", "{repository} {{-", "templates/NOTES.txt names"),
    ],
)
def test_a_chart_of_another_form_is_not_released_half_pinned(
    tmp_path: Path, name: str, there: str, instead: str, said: str
) -> None:
    chart = tmp_path / release.CHART.name
    shutil.copytree(release.CHART, chart)
    values = yaml.safe_load((chart / "values.yaml").read_text())
    instead = instead.replace("{repository}", values["image"]["operator"]["repository"])
    text = (chart / name).read_text()
    assert there in text
    (chart / name).write_text(text.replace(there, instead))
    with pytest.raises(RefusalError, match=re.escape(said)):
        release.pinned_chart(tmp_path / "to", REGISTRY, DIGESTS, chart)


@pytest.mark.parametrize("digest", ["", "sha256:12", "latest", "sha256:" + "g" * 64])
def test_what_is_no_digest_is_never_pinned(tmp_path: Path, digest: str) -> None:
    with pytest.raises(RefusalError, match="no digest"):
        release.pinned_chart(tmp_path, "ghcr.io/x", {"operator": OPERATOR, "runner": digest})
