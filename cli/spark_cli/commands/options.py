"""What the commands have in common: which cluster, which Integrations, which form of output."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import click
from click.shell_completion import CompletionItem

from spark_cli.exits import Failure
from spark_cli.gather import facts as gathering
from spark_cli.gather import kinds
from spark_cli.gather.cluster import Cluster
from spark_cli.gather.facts import Facts, Found
from spark_operator.model.integration import Integration

Command = Callable[..., Any]

_PREFIXES = ("integration", "integrations", "integ")
# Whoever presses Tab waits no longer.
_COMPLETION_SECONDS = 3.0


class Access:
    """The cluster that the options name; connected when a command first asks for it."""

    def __init__(
        self,
        *,
        kubeconfig: str | None,
        context: str | None,
        namespace: str | None,
        everywhere: bool,
        scheduler: tuple[str, str] | None,
        timeout_seconds: float = 30,
    ) -> None:
        self.kubeconfig, self.context = kubeconfig, context
        self.namespace, self._everywhere = namespace, everywhere
        self._timeout = timeout_seconds
        self.scheduler = scheduler

    @functools.cached_property
    def cluster(self) -> Cluster:
        """Raises NoAccess where there is no kubeconfig, or it names no cluster."""
        return Cluster.connect(
            self.kubeconfig,
            self.context,
            namespace=self.namespace,
            everywhere=self._everywhere,
            timeout_seconds=self._timeout,
        )

    def facts(self) -> Facts:
        """Plugins and Scheduler, with a line on standard error for what we may not see, and where no
        operator is at work: nobody else would say so."""
        read = gathering.read(self.cluster, self.scheduler)
        for note in read.notes:
            click.echo(f"note: {note}", err=True)
        if read.silence:
            click.echo(f"warning: {read.silence}", err=True)
        return read

    def find(self, choice: "Choice") -> Found:
        """The Integrations of a choice."""
        if choice.names and self._everywhere:
            raise click.UsageError("a name and -A exclude each other: say -n NAMESPACE")
        return gathering.find(
            self.cluster, choice.names, selector=choice.selector, service=choice.service
        )

    def label(self, integration: Integration) -> str:
        """How a line names it: with its namespace where there are several."""
        if self._everywhere:
            return f"{integration.namespace}/{integration.name}"
        return integration.name


class Choice:
    """Names, or what stands for many."""

    def __init__(
        self,
        names: Sequence[str],
        selector: str | None,
        service: str | None,
        *,
        everything: bool = False,
    ) -> None:
        if names and (selector or service or everything):
            raise click.UsageError("names and --all, -l or --service exclude each other")
        self.names, self.selector, self.service = names, selector, service
        self.everything = everything

    @property
    def named(self) -> bool:
        return bool(self.names)

    def require(self) -> None:
        """For commands that change something: nothing said is not all."""
        if not (self.names or self.selector or self.service or self.everything):
            raise click.UsageError("name Integrations, or say --all, -l SELECTOR or --service NAME")


class _NameInCluster(click.ParamType[str]):
    """The name of an object, completed from the cluster."""

    kind: kinds.Kind

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        """The names there, but for those given already; none where the cluster does not answer at once."""
        taken = set(ctx.params.get("names") or ()) if self.kind is kinds.INTEGRATION else set()
        return [
            CompletionItem(name, help=help_)
            for name, help_ in _names(ctx, self.kind)
            if name.startswith(incomplete) and name not in taken
        ]


class IntegrationName(_NameInCluster):
    """``alice`` or, as ``-o name`` gives it, ``integration.spark-integrations.dev/alice``."""

    name = "name"
    kind = kinds.INTEGRATION

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        kind, slash, name = str(value).partition("/")
        if not slash and kinds.is_name(kind):
            return kind
        if slash and kind.partition(".")[0] in _PREFIXES and kinds.is_name(name):
            return name
        return self.fail(f'"{value}" is no name of an Integration', param, ctx)


class PluginName(_NameInCluster):
    """The name of a Plugin, completed from the cluster."""

    name = "plugin"
    kind = kinds.PLUGIN

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> str:
        name = str(value).rpartition("/")[2]
        if not kinds.is_name(name):
            self.fail(f'"{value}" is no name of a Plugin', param, ctx)
        return name


class NamespaceName(_NameInCluster):
    """The name of a namespace, completed from the cluster."""

    name = "namespace"
    kind = kinds.NAMESPACE

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not kinds.is_namespace(str(value)):
            self.fail(f'"{value}" is no name of a namespace', param, ctx)
        return str(value)


def _names(ctx: click.Context, kind: kinds.Kind) -> list[tuple[str, str]]:
    try:
        cluster = Cluster.connect(
            ctx.params.get("kubeconfig"),
            ctx.params.get("context"),
            namespace=ctx.params.get("namespace"),
            timeout_seconds=_COMPLETION_SECONDS,
            exec_seconds=_COMPLETION_SECONDS,
        )
        bodies = cluster.list(kind, cluster.namespace if kind.namespaced else None)
    except Failure:
        # A completion that fails offers nothing; the command itself will say why.
        return []
    return [(b["metadata"]["name"], str(b.get("spec", {}).get("service", ""))) for b in bodies]


class ObjectKey(click.ParamType[tuple[str, str]]):
    """``NAMESPACE/NAME``."""

    name = "namespace/name"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        namespace, slash, name = str(value).partition("/")
        if not (slash and kinds.is_namespace(namespace) and kinds.is_name(name)):
            self.fail(f'"{value}" is not of the form NAMESPACE/NAME', param, ctx)
        return namespace, name


def connected(command: Command) -> Command:
    """The options that name a cluster; the command gets ``access``."""

    @click.option("-n", "--namespace", type=NamespaceName(), help="the namespace to look in")
    @click.option("-A", "--all-namespaces", is_flag=True, help="look in all namespaces")
    @click.option("--context", help="the context of the kubeconfig")
    @click.option(
        "--kubeconfig", type=click.Path(), help="the kubeconfig (default: as kubectl finds it)"
    )
    @click.option(
        "--scheduler",
        type=ObjectKey(),
        metavar="NAMESPACE/NAME",
        help="the Scheduler of the installation (default: the one that is there)",
    )
    @click.option("--debug", is_flag=True, help="show the traceback of a defect")
    @functools.wraps(command)
    def connecting(
        *args: Any,
        namespace: str | None,
        all_namespaces: bool,
        context: str | None,
        kubeconfig: str | None,
        scheduler: tuple[str, str] | None,
        debug: bool,  # noqa: ARG001  (main looks at the command line, since a defect may come before)
        **kwargs: Any,
    ) -> Any:
        if namespace is not None and all_namespaces:
            raise click.UsageError("-n and -A exclude each other")
        access = Access(
            kubeconfig=kubeconfig,
            context=context,
            namespace=namespace,
            everywhere=all_namespaces,
            scheduler=scheduler,
        )
        return command(*args, access=access, **kwargs)

    return connecting


def choosing(*, everything: bool) -> Callable[[Command], Command]:
    """Names, ``-l`` and ``--service``, with ``everything`` also ``--all``; gives ``choice``."""

    def decorate(command: Command) -> Command:
        @click.argument("names", nargs=-1, type=IntegrationName())
        @click.option("-l", "--selector", help="those whose labels match, as for kubectl get")
        @click.option("--service", type=PluginName(), help="those of this service")
        @functools.wraps(command)
        def chosen(
            *args: Any,
            names: Sequence[str],
            selector: str | None,
            service: str | None,
            every: bool = False,
            **kwargs: Any,
        ) -> Any:
            choice = Choice(names, selector, service, everything=every)
            return command(*args, choice=choice, **kwargs)

        if not everything:
            return chosen
        return click.option("--all", "every", is_flag=True, help="all that are there")(chosen)

    return decorate


def output(*forms: str) -> Callable[[Command], Command]:
    """``-o``; gives ``form``, None where it is not said."""
    return click.option(
        "-o", "--output", "form", type=click.Choice(forms), help="another form of output"
    )


def waiting(command: Command) -> Command:
    """``--wait`` and ``--timeout``; gives ``wait`` and ``timeout`` in seconds or None."""
    return click.option(
        "--wait", is_flag=True, help="until each has ended, with its retries; shows the progress"
    )(
        click.option(
            "--timeout",
            type=Seconds(),
            metavar="DURATION",
            help="with --wait: for how long at most, such as 90s, 10m or 2h",
        )(command)
    )


class Seconds(click.ParamType[float]):
    """A duration as kubectl takes it, in seconds: ``90s``, ``10m``, ``1h30m``, ``90``."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, int | float):
            return float(value)
        total, number = 0.0, ""
        for character in str(value):
            if character.isdecimal() or character == ".":
                number += character
                continue
            factor = {"s": 1, "m": 60, "h": 3600}.get(character)
            if factor is None or not number or number.count(".") > 1 or number == ".":
                self.fail(f'"{value}" is no duration, such as 90s, 10m or 2h', param, ctx)
            total, number = total + float(number) * factor, ""
        if number:
            if total or number.count(".") > 1 or number == ".":
                self.fail(f'"{value}" is no duration, such as 90s, 10m or 2h', param, ctx)
            total = float(number)
        if total <= 0:
            self.fail(f'"{value}" is no duration, such as 90s, 10m or 2h', param, ctx)
        return total
