"""A reader who types what a page says: all its commands in one shell, in their order."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path

from dev.toolchain import Toolchain
from tests.support.pages import ROOT, Block, blocks

# What a line of a `console` block stands for where the output is another each time.
_VARIES = (
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"),
    # The age of an object.
    (r"(?<![\w.-])(?:\d+[dhms])+(?![\w.-])", r"(?:\d+[dhms])+"),
    # A Job: <name>-<hash of the uid>-<number>; a pod of the Deployment.
    (r"-[0-9a-f]{8}-\d+(?!\w)", r"-[0-9a-f]{8}-\d+"),
    (r"-[0-9a-z]{8,10}-[0-9a-z]{5}(?![0-9a-z])", r"-[0-9a-z]{8,10}-[0-9a-z]{5}"),
    ("…", ".*"),
    (r"\s+", r"\s+"),
)
_MARK = "@@ block "


class Unlike(AssertionError):
    """A command failed, or did not answer as the page shows it."""


def pattern(line: str) -> str:
    """The regular expression of a line of a `console` block."""
    found = re.compile("|".join(f"({varies})" for varies, _ in _VARIES))
    parts, at = [], 0
    for match in found.finditer(line.strip()):
        assert match.lastindex is not None
        parts += [re.escape(line.strip()[at : match.start()]), _VARIES[match.lastindex - 1][1]]
        at = match.end()
    return "".join([*parts, re.escape(line.strip()[at:])])


def read(
    page: Path,
    folder: Path,
    kubeconfig: Path,
    *,
    instead: Mapping[str, str] | None = None,
    seconds: float = 300,
) -> str:
    """Run the `sh` blocks of a page in a folder, beside the files that the page names.

    ``instead``: what the page says → what it must be here, for the few addresses outside.
    Raises Unlike where a command fails or its output lacks a line of the `console` block after it.
    """
    replace = instead or {}

    def here(text: str) -> str:
        for theirs, ours in replace.items():
            text = text.replace(theirs, ours)
        return text

    for name in ("charts", "manifests", "docs"):
        (folder / name).symlink_to(ROOT / name)
    # A file of its own, as pages choose the namespace of the context.
    config = folder / "kubeconfig"
    config.write_bytes(kubeconfig.read_bytes())
    found = blocks(page)
    for block in found:
        if block.file_name:
            (folder / block.file_name).write_text(here(block.text), encoding="utf-8")
    commands = [block for block in found if block.language == "sh"]
    script = "".join(f"echo '{_MARK}{block.line}'\n{here(block.text)}" for block in commands)
    said, code = _run(script, folder, config, seconds)
    outputs = dict(_outputs(said))
    if code != 0:
        failed = list(outputs)[-1] if outputs else 0
        raise Unlike(f"{page.name}:{failed}: exit status {code}\n{said[-4000:]}")
    _compare(found, outputs, here)
    return said


def _run(script: str, folder: Path, kubeconfig: Path, seconds: float) -> tuple[str, int]:
    tools = Toolchain().path("kubectl").parent
    environment = {
        **os.environ,
        "KUBECONFIG": str(kubeconfig),
        "PATH": f"{tools}:{os.environ['PATH']}",
        "HELM_CONFIG_HOME": str(folder / ".helm"),
        "HELM_CACHE_HOME": str(folder / ".helm"),
        "HELM_DATA_HOME": str(folder / ".helm"),
    }
    result = subprocess.run(
        ["timeout", str(seconds), "bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return result.stdout, result.returncode


def _outputs(said: str) -> list[tuple[int, str]]:
    parts = re.split(rf"^{_MARK}(\d+)\n", said, flags=re.MULTILINE)[1:]
    return [(int(line), text) for line, text in zip(parts[::2], parts[1::2], strict=True)]


def _compare(found: list[Block], outputs: Mapping[int, str], here: Callable[[str], str]) -> None:
    """Each line of a `console` block comes in the output of the commands before it, in this order."""
    for commands, shown in pairwise(found):
        if shown.language != "console":
            continue
        assert commands.language == "sh", f"{shown}: there is no command before this output"
        left = outputs[commands.line].splitlines()
        for line in here(shown.text).splitlines():
            if not line.strip():
                continue
            wanted = re.compile(pattern(line))
            while left and not wanted.fullmatch(left[0].strip()):
                left.pop(0)
            if not left:
                raise Unlike(f"{shown}: no line\n  {line}\nin\n{outputs[commands.line]}")
            left.pop(0)
