"""The command ``spark-operator``."""

import argparse
import asyncio
import gc
import importlib.metadata
import logging
import os
import secrets
import socket
import sys
from collections.abc import Sequence

from spark_operator.serve import logs, requests
from spark_operator.serve.arguments import object_key
from spark_operator.serve.clock import Clock
from spark_operator.serve.connection import NoCluster, connect
from spark_operator.serve.elector import LeadTaken, Terms
from spark_operator.serve.listener import PortTaken
from spark_operator.serve.metrics import Metrics
from spark_operator.serve.service import Options, Service

logger = logging.getLogger(__name__)

# New objects before the young are collected, and of such rounds before the middle-aged are. kopf keeps
# each event, with its whole object, in a cycle: ten times as many would be hundreds of megabytes of
# garbage when a thousand fetches end together.
COLLECTIONS = (2_500, 5)


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f'"{text}" is not a port from 1 to 65535')
    return int(text)


def parser() -> argparse.ArgumentParser:
    chosen = argparse.ArgumentParser(
        prog="spark-operator",
        description="Keeps Integrations fresh: one Job a fetch, when it is due, never two at once.",
    )
    chosen.add_argument(
        "--scheduler",
        metavar="NAMESPACE/NAME",
        type=object_key,
        required=True,
        help="the Scheduler of this installation; others are ignored",
    )
    chosen.add_argument(
        "--lease",
        metavar="NAMESPACE/NAME",
        type=object_key,
        help="the Lease that the leading replica holds (default: as the Scheduler)",
    )
    chosen.add_argument(
        "--runner-image",
        metavar="IMAGE",
        required=True,
        help="the image of fetch pods where a Plugin names none",
    )
    chosen.add_argument(
        "--watch-namespace",
        metavar="NAMESPACE",
        action="append",
        default=[],
        help="serve this namespace only; may be repeated (default: all)",
    )
    chosen.add_argument("--health-port", metavar="PORT", type=_port, default=8080)
    chosen.add_argument(
        "--metrics-port",
        metavar="PORT",
        type=_port,
        default=8081,
        help="where Prometheus reads /metrics (default 8081)",
    )
    chosen.add_argument("--log-format", choices=("auto", "text", "json"), default="auto")
    chosen.add_argument(
        "--log-level", choices=("debug", "info", "warning", "error"), default="info"
    )
    chosen.add_argument(
        "--lease-seconds",
        metavar="SECONDS",
        type=int,
        default=15,
        help="how long others wait for a silent leader; renewed within two thirds of it (default 15)",
    )
    return chosen


def _terms(lease_seconds: int) -> Terms:
    return Terms(
        lease_seconds=lease_seconds,
        valid_seconds=lease_seconds * 2 / 3,
        retry_seconds=lease_seconds * 2 / 15,
        look_seconds=lease_seconds / 30,
    )


async def _run(options: Options) -> None:
    clock, metrics = Clock(), Metrics()
    connection = connect(clock.monotonic, requests.counted(metrics.requested))
    await Service(options, connection, clock, metrics).run()


def main(argv: Sequence[str] | None = None) -> int:
    """0 after SIGTERM; 1 where another replica took the lead, or it cannot begin."""
    arguments = parser().parse_args(argv)
    if arguments.lease_seconds < 3:
        parser().error("--lease-seconds must be at least 3")
    logs.configure(style=arguments.log_format, level=arguments.log_level)
    # A name of its own for each process: a container that is restarted must not take itself for its
    # predecessor, whose last request may still be under way.
    host = os.environ.get("POD_NAME") or socket.gethostname()
    options = Options(
        scheduler=arguments.scheduler,
        lease=arguments.lease or arguments.scheduler,
        runner_image=arguments.runner_image,
        identity=f"{host}_{secrets.token_hex(4)}",
        namespaces=tuple(arguments.watch_namespace),
        health_port=arguments.health_port,
        metrics_port=arguments.metrics_port,
        terms=_terms(arguments.lease_seconds),
    )
    logger.info(
        "spark-operator %s starts as %s for the Scheduler %s/%s; it watches %s",
        importlib.metadata.version("spark-integrations"),
        options.identity,
        *options.scheduler,
        ", ".join(options.namespaces) or "all namespaces",
    )
    # What comes and goes with a request is freed by its reference count; looking for cycles after every
    # few hundred new objects is a fifth of the CPU of a dispatch.
    gc.set_threshold(*COLLECTIONS)
    try:
        asyncio.run(_run(options))
    except (NoCluster, PortTaken) as error:
        print(f"spark-operator: {error}", file=sys.stderr)
        return 1
    except LeadTaken as error:
        print(f"spark-operator: {error} took the lead; this process ends", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
