"""CLUSTER=current: the developer's own cluster instead of the local one. It is only looked at."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from dev.demo import run as demo
from dev.errors import RefusalError
from dev.toolchain import Toolchain

IMAGES = ("OPERATOR_IMAGE", "RUNNER_IMAGE")


def add_verbs(verb: Any) -> None:
    """The same verbs as for the local cluster, under `current`."""
    parser: argparse.ArgumentParser = verb(
        "current", _current, "the same for the cluster of the current kubeconfig context"
    )
    parser.add_argument("words", nargs="+", choices=[*WHAT, "build", "load"], metavar="VERB")


def _current(arguments: argparse.Namespace) -> int:
    WHAT[arguments.words[0]]()
    return 0


def _kubectl() -> str:
    built = Toolchain().path("kubectl")
    found = shutil.which("kubectl") or (str(built) if built.exists() else None)
    if found is None:
        raise RefusalError("kubectl is needed: install it, or build the one of ours: make tools")
    return found


def _reach() -> None:
    """Say which cluster it is; refuse when it does not answer."""
    kubectl = _kubectl()
    context = _output([kubectl, "config", "current-context"])
    version = _output([kubectl, "version", "--request-timeout=10s"]).splitlines()[-1]
    print(f"the cluster of the context {context}: {version}")


def _output(command: list[str]) -> str:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        reason = result.stderr.strip() or f"exit code {result.returncode}"
        raise RefusalError(f"the current cluster cannot be reached: {reason}")
    return result.stdout.strip()


def _keep() -> None:
    raise RefusalError("this cluster is yours: CLUSTER=current never removes it")


def _kubeconfig() -> None:
    """One path, or several joined as KUBECONFIG allows: whatever the user's clients read."""
    print(os.environ.get("KUBECONFIG") or Path.home() / ".kube/config")


def _images() -> None:
    missing = [name for name in IMAGES if not os.environ.get(name)]
    if missing:
        raise RefusalError(
            f"with CLUSTER=current images are yours too: set {' and '.join(missing)} to images that "
            "your cluster can pull (the Dockerfile has the targets operator and runner)"
        )
    for name in IMAGES:
        print(f"{name}={os.environ[name]} is used as it is")


def _tools() -> None:
    """kubectl and helm serve a cluster of any kind; the rest is not needed, but built with them."""
    print(Toolchain().build(thorough=True))


def _demo() -> None:
    if demo.run(on_current=True) != 0:
        raise RefusalError("the demonstration failed")


WHAT = {
    "demo": _demo,
    "up": _reach,
    "status": _reach,
    "down": _keep,
    "kubeconfig": _kubeconfig,
    "image": _images,
    "tools": _tools,
}
