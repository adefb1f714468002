"""The verbs of the command line."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from dev import current, images, packages, postgres, release
from dev.checkers import Checkers
from dev.cluster import Cluster, Options, forward, inside
from dev.cluster.layout import Layout
from dev.demo import run as demo
from dev.errors import RefusalError
from dev.gitea import Gitea
from dev.prometheus import Prometheus
from dev.supply import verbs as supply
from dev.toolchain import Toolchain

Verb = Callable[[argparse.Namespace], int]


def main(arguments: list[str]) -> int:
    """Run one verb; refusals become a line on standard error and exit code 1."""
    try:
        # What follows these verbs belongs to somebody else's command line, `--help` included.
        for words in (1, 2):
            if passed_on := PASSED_ON.get(" ".join(arguments[:words])):
                return passed_on(arguments[words:])
        chosen = _parser().parse_args(arguments)
        verb: Verb = chosen.verb
        return verb(chosen)
    except RefusalError as error:
        print(f"spark-dev: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="spark-dev",
        description="A Kubernetes of one machine in namespaces of its own, its tools, the images.",
        epilog="Also: exec CMD… (in the cluster's network), enter CMD… (in all its namespaces), "
        "kubectl ARGS…, helm ARGS…, postgres psql ARGS…. Environment: SPARK_CLUSTER (name, default spark), "
        "SPARK_CLUSTER_PORT.",
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def verb(name: str, function: Verb, text: str) -> argparse.ArgumentParser:
        added = verbs.add_parser(name, help=text, description=text)
        added.set_defaults(verb=function)
        return added

    verb("tools", _tools, "install packages and build the tools; checks each byte of them")

    verb("gitea", _gitea, "build the Gitea that tests of plugins fetch from")
    verb(
        "prometheus", _prometheus, "build Prometheus and promtool, for tests of metrics and alerts"
    )

    verb("checkers", _checkers, "build what checks the chart and writes its README")

    up = verb("up", _up, "bring the cluster up")
    up.add_argument("--kubeless", action="store_true", help="no kubelet: kwok and a fake node")
    up.add_argument("--tmpfs", action="store_true", help="bulky data in memory")
    up.add_argument("--audit", action="store_true", help="log each API request (log/audit.log)")

    verb("down", _down, "stop the cluster and remove all of it")
    verb("status", _status, "what runs, and whether it is healthy")
    verb("kubeconfig", _kubeconfig, "print the path of the administrator's kubeconfig")

    for name, text in (
        ("kill", "SIGKILL one component"),
        ("start", "start a killed component again"),
        ("pause", "SIGSTOP one component: it hangs and answers nothing"),
        ("resume", "let a paused component go on"),
    ):
        verb(name, _component, text).add_argument("component")
        verbs.choices[name].set_defaults(action=name)

    load = verb("load-image", _load_image, "import image archives into the node")
    load.add_argument("archive", nargs="+", type=Path)

    kwok = verb("kwok", _kwok, "start kwok and make fake nodes, beside a real one or not")
    kwok.add_argument("--nodes", type=int, default=1)

    images.add_verbs(verb)
    supply.add_verbs(verb)
    release.add_verbs(verb)
    postgres.add_verbs(verb)
    current.add_verbs(verb)

    verb("demo", _demo, "the main job on this cluster: install, fetch, show what arrived")

    hidden = verb("_inside", _inside, argparse.SUPPRESS)
    hidden.add_argument("name")
    hidden.add_argument("options", type=Options.parse)
    hidden.add_argument("port", type=int)
    hidden.add_argument("listener", type=int)
    hidden.add_argument("lifeline", type=int)
    hidden = verb("_forward", _forward, argparse.SUPPRESS)
    hidden.add_argument("listener", type=int)
    hidden.add_argument("port", type=int)
    return parser


def _tools(_: argparse.Namespace) -> int:
    packages.install(
        packages.CLUSTER, packages.NODE, packages.IMAGES, packages.POSTGRES, packages.TESTS
    )
    print(Toolchain().build(thorough=True))
    return 0


def _gitea(_: argparse.Namespace) -> int:
    packages.install(packages.GITEA)
    print(Gitea().build(thorough=True))
    return 0


def _prometheus(_: argparse.Namespace) -> int:
    print(Prometheus().build(thorough=True))
    return 0


def _checkers(_: argparse.Namespace) -> int:
    print(Checkers().build(thorough=True))
    return 0


def _up(arguments: argparse.Namespace) -> int:
    options = Options(arguments.kubeless, arguments.tmpfs, arguments.audit)
    cluster = Cluster.from_environment(options)
    began = time.monotonic()
    new = cluster.up()
    seconds = time.monotonic() - began
    print(f"cluster {cluster.name}: " + (f"up in {seconds:.1f} s" if new else "already up"))
    print(f"export KUBECONFIG={cluster.kubeconfig}")
    return 0


def _down(_: argparse.Namespace) -> int:
    cluster = Cluster.from_environment()
    began = time.monotonic()
    was_up = cluster.down()
    seconds = time.monotonic() - began
    print(f"cluster {cluster.name}: " + (f"down in {seconds:.1f} s" if was_up else "not up"))
    return 0


def _status(_: argparse.Namespace) -> int:
    cluster = Cluster.from_environment()
    print("\n".join(cluster.status()))
    return 0 if cluster.trouble() is None else 1


def _kubeconfig(_: argparse.Namespace) -> int:
    cluster = Cluster.from_environment()
    cluster.api()  # refuses when the cluster is not up: a path to nothing would mislead
    print(cluster.kubeconfig)
    return 0


def _demo(_: argparse.Namespace) -> int:
    return demo.run(on_current=False)


def _component(arguments: argparse.Namespace) -> int:
    getattr(Cluster.from_environment(), arguments.action)(arguments.component)
    return 0


def _load_image(arguments: argparse.Namespace) -> int:
    cluster = Cluster.from_environment()
    for path in arguments.archive:
        print(f"{path}: " + ("loaded" if cluster.load_image(path) else "loaded before"))
    return 0


def _kwok(arguments: argparse.Namespace) -> int:
    Cluster.from_environment().kwok(arguments.nodes)
    return 0


def _inside(arguments: argparse.Namespace) -> int:
    layout = Layout.of(arguments.name)
    descriptors = (arguments.listener, arguments.lifeline)
    inside.main(layout, arguments.options, arguments.port, *descriptors)
    return 0


def _forward(arguments: argparse.Namespace) -> int:
    forward.run(arguments.listener, arguments.port)
    return 0


def _become(cluster: Cluster, command: list[str]) -> int:
    """Replace this process, so that signals and the exit code are the command's own."""
    environment = cluster.environment()
    sys.stdout.flush()
    try:
        os.execvpe(command[0], command, environment)  # noqa: S606
    except OSError as error:
        raise RefusalError(f"{command[0]}: {error.strerror}") from None


def _exec(arguments: list[str]) -> int:
    cluster = Cluster.from_environment()
    return _become(cluster, cluster.command(arguments or [os.environ.get("SHELL", "/bin/sh")]))


def _enter(arguments: list[str]) -> int:
    cluster = Cluster.from_environment()
    wanted = arguments or [os.environ.get("SHELL", "/bin/sh")]
    return _become(cluster, cluster.command(wanted, everything=True))


def _kubectl(arguments: list[str]) -> int:
    cluster = Cluster.from_environment()
    cluster.api()
    return _become(cluster, [str(cluster.toolchain.path("kubectl")), *arguments])


def _helm(arguments: list[str]) -> int:
    cluster = Cluster.from_environment()
    cluster.api()
    return _become(cluster, [str(cluster.toolchain.path("helm")), *arguments])


def _psql(arguments: list[str]) -> int:
    cluster = Cluster.from_environment()
    command, environment = postgres.psql(cluster, arguments)
    return subprocess.run(command, env=environment, check=False).returncode


PASSED_ON: dict[str, Callable[[list[str]], int]] = {
    "exec": _exec,
    "enter": _enter,
    "kubectl": _kubectl,
    "helm": _helm,
    "postgres psql": _psql,
}
