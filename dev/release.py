"""What a release is made of beside the images: a tag that says the version, and a chart that pins these very images."""

from __future__ import annotations

import argparse
import re
import shutil
from pathlib import Path
from typing import Any

from dev import paths, versions
from dev.errors import RefusalError
from dev.files import write
from dev.images import TARGETS

CHART = paths.ROOT / "charts" / "spark-integrations"
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def check(tag: str, root: Path = paths.ROOT) -> str:
    """The version that the tag `vX.Y.Z` stands for. Raises RefusalError where a place says another."""
    version = tag.removeprefix("v")
    if version == tag or not re.fullmatch(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?", version):
        raise RefusalError(f"`{tag}` is no tag of a release: those are v1.2.3, or v1.2.3-rc.1")
    others = [str(said) for said in versions.everywhere(root) if said.version != version]
    if others:
        told = f"the tag says {version}, and others say (docs/releasing.md tells how to set it)"
        raise RefusalError("\n".join([f"{told}:", *others]))
    return version


def pinned_chart(to: Path, registry: str, digests: dict[str, str], chart: Path = CHART) -> Path:
    """A copy of the chart that names the images in `registry` by digest; its folder.

    What was signed is then what is pulled, even if somebody moves the tags. The annotation for Artifact
    Hub and the table of the README say the same as the values. Raises RefusalError where one of them has
    another form than is known here, or a file still names an image of the chart's own registry.
    """
    for target in TARGETS:
        if not DIGEST.fullmatch(digests[target]):
            raise RefusalError(f"`{digests[target]}` is no digest of the {target}'s image")
    copy = to / chart.name
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(chart, copy)
    for target in TARGETS:
        repository = f"{registry}/{target}"
        before = _pin(copy, target, repository, digests[target])
        for path in sorted(path for path in copy.rglob("*") if path.is_file()):
            if before != repository and before in path.read_text():
                raise RefusalError(
                    f"{path.relative_to(copy)} names {before}, and dev/release.py replaces it there by nothing"
                )
    return copy


def _pin(chart: Path, target: str, repository: str, digest: str) -> str:
    """Write the image of one target into values, annotation and README; the repository until now."""
    values = (chart / "values.yaml").read_text()
    what = f"image.{target} in values.yaml"
    block = _one(rf"^(  {target}:\n(?:    .*\n)+)", values, what)
    before = _one(r"^    repository: (.+)$", block, f"{what}, repository")
    pinned = _replaced(
        block, f"    repository: {before}\n", f"    repository: {repository}\n", what
    )
    pinned = _replaced(pinned, '    digest: ""\n', f'    digest: "{digest}"\n', what)
    write(chart / "values.yaml", _replaced(values, block, pinned, what), 0o644)

    about = (chart / "Chart.yaml").read_text()
    what = f"artifacthub.io/images in Chart.yaml, {target}"
    tag = _one(rf"^ +image: {re.escape(before)}:(\S+)$", about, what)
    named = f"{repository}:{tag}@{digest}\n"
    write(chart / "Chart.yaml", _replaced(about, f"{before}:{tag}\n", named, what), mode=0o644)

    page = (chart / "README.md").read_text()
    for key, old, new in (("repository", before, repository), ("digest", "", digest)):
        cell = f'| `image.{target}.{key}` | `"{{}}"` |'
        what = f"image.{target}.{key} in the README"
        page = _replaced(page, cell.format(old), cell.format(new), what)
    write(chart / "README.md", page, 0o644)
    return before


def _replaced(text: str, old: str, new: str, what: str) -> str:
    if (found := text.count(old)) != 1:
        raise RefusalError(f"{what}: `{old.strip()}` is there {found} times, and must be once")
    return text.replace(old, new)


def _one(pattern: str, text: str, what: str) -> str:
    found = re.findall(pattern, text, re.MULTILINE)
    if len(found) != 1:
        raise RefusalError(f"{what}: {len(found)} found, and there must be one")
    return str(found[0])


def add_verbs(verb: Any) -> None:
    """`release check`, `release chart`."""
    parser: argparse.ArgumentParser = verb("release", _release, "what the release workflow asks")
    actions = parser.add_subparsers(dest="action", required=True)
    checked = actions.add_parser("check", help="fail unless every file has the version of the tag")
    checked.add_argument("tag")
    chart = actions.add_parser("chart", help="copy the chart, with the images pinned by digest")
    chart.add_argument("--to", type=Path, required=True, metavar="FOLDER")
    chart.add_argument("--registry", required=True, help="such as ghcr.io/owner/repository")
    for target in TARGETS:
        chart.add_argument(f"--{target}", required=True, metavar="DIGEST")


def _release(arguments: argparse.Namespace) -> int:
    if arguments.action == "check":
        print(check(arguments.tag))
        return 0
    digests = {target: getattr(arguments, target) for target in TARGETS}
    print(pinned_chart(arguments.to, arguments.registry, digests))
    return 0
