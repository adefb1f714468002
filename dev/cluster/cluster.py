"""A cluster as seen from outside: up, down, and the ways in."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from dev import host, packages, paths
from dev.cluster import archive, cgroups, components, configuration, inside, pki, processes
from dev.cluster import layout as at
from dev.cluster.api import Api
from dev.cluster.layout import Layout
from dev.cluster.lifeline import NONE, Lifeline
from dev.cluster.options import Options
from dev.errors import RefusalError
from dev.files import sha256, write
from dev.locks import locked
from dev.toolchain import Toolchain
from dev.waiting import until

NAMESPACES = ("--net", "--mount", "--pid", "--ipc", "--uts")
SCRIPT = Path(__file__).resolve().parent.parent / "spark-dev"
FIRST_PORT, PORTS = 16443, 8000
"""Below the range from which the kernel takes ports for outgoing connections."""


class Cluster:
    """One cluster, by name. Making this object touches nothing; `up` does."""

    def __init__(
        self,
        name: str = "spark",
        *,
        kubeless: bool = False,
        tmpfs: bool = False,
        audit: bool = False,
        port: int | None = None,
        dies_with_caller: bool = False,
        stock_limits: bool = False,
    ) -> None:
        self.layout = Layout.of(name)
        self.options = Options(kubeless, tmpfs, audit, dies_with_caller, stock_limits)
        self.toolchain = Toolchain()
        self._port = port
        self._lifeline: Lifeline | None = None

    @classmethod
    def from_environment(cls, options: Options | None = None) -> Cluster:
        """The cluster that SPARK_CLUSTER and SPARK_CLUSTER_PORT name."""
        chosen = options or Options()
        port = os.environ.get("SPARK_CLUSTER_PORT", "")
        if port and not port.isdigit():
            raise RefusalError(f"SPARK_CLUSTER_PORT is {port!r}, and should be a number")
        return cls(
            os.environ.get("SPARK_CLUSTER") or "spark",
            kubeless=chosen.kubeless,
            tmpfs=chosen.tmpfs,
            audit=chosen.audit,
            port=int(port) if port else None,
        )

    # ---------------------------------------------------------------- what is there

    @property
    def name(self) -> str:
        """Its name."""
        return self.layout.name

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig; the same file is right outside and inside."""
        return self.layout.kubeconfig

    @property
    def pid(self) -> int | None:
        """The number, outside, of the cluster's process 1; None when it is not running."""
        try:
            launcher, fields = processes.stat_fields(self.layout.launcher.read_text())
        except (OSError, ValueError):
            return None
        if not processes.alive(launcher, fields[processes.START_TIME]):
            return None
        return processes.child_of(launcher)

    @property
    def port(self) -> int:
        """The API server's port on 127.0.0.1, outside and inside."""
        server: str = Api(self.kubeconfig).server
        return int(server.rsplit(":", 1)[1])

    def api(self) -> Api:
        """The API server, as administrator."""
        self._require_pid()
        return Api(self.kubeconfig)

    def trouble(self) -> str | None:
        """What is wrong with the cluster; None when it is up and healthy."""
        pid = self.pid
        if pid is None:
            return "not running"
        if not self.layout.ready.exists():
            return "never came up fully"
        dead = [name for name, process in self._components(pid).items() if process is None]
        if dead:
            return f"not running in it: {' '.join(sorted(dead))}"
        api = Api(self.kubeconfig)
        if not api.serves():
            return "the API server does not serve"
        return None

    def actual_options(self) -> Options | None:
        """How the cluster that is there was asked for."""
        try:
            return Options.parse(self.layout.options.read_text())
        except (OSError, ValueError, TypeError):
            return None

    def _components(self, pid: int) -> dict[str, processes.Process | None]:
        living = {process.inner: process for process in processes.in_namespace_of(pid)}
        found: dict[str, processes.Process | None] = {}
        for note in sorted(self.layout.component("").parent.glob("*.json")):
            with contextlib.suppress(OSError, ValueError):
                found[note.stem] = living.get(json.loads(note.read_text())["pid"])
        return found

    def _require_pid(self) -> int:
        pid = self.pid
        if pid is None:
            raise RefusalError(
                f"the cluster {self.name} is not up: make cluster (or python3 -m dev up)"
            )
        return pid

    # ---------------------------------------------------------------- up and down

    def up(self) -> bool:
        """Bring it up; False when it was up already. One that is unhealthy or other is replaced."""
        host.require_linux_root()
        wanted = [packages.CLUSTER] if self.options.kubeless else [packages.CLUSTER, packages.NODE]
        packages.install(*wanted)
        host.require_kernel(node=not self.options.kubeless)
        paths.visible_inside(paths.ROOT)
        self.toolchain.build()
        with self._locked("starting or stopping this cluster"):
            actual = self.actual_options()
            trouble = self.trouble()
            if trouble is None and actual and self.options.same_cluster(actual):
                return False
            if self.layout.folder.exists():
                why = trouble or "it was started with other options"
                if self.pid:
                    print(f"replacing the cluster {self.name}: {why}", file=sys.stderr, flush=True)
                self._destroy()
            try:
                self._create()
            except BaseException:
                # The logs stay for whoever looks for the cause; nothing keeps running.
                self._kill_all()
                raise
        return True

    def down(self) -> bool:
        """Stop it and remove all that it left; False when there was nothing."""
        with self._locked("starting or stopping this cluster"):
            there = self.pid is not None
            self._destroy()
        self._cut_lifeline()
        with contextlib.suppress(OSError):
            self.layout.folder.parent.rmdir()  # the last cluster takes the common folder with it
        return there

    def _cut_lifeline(self) -> None:
        lifeline, self._lifeline = self._lifeline, None
        if lifeline is not None:
            lifeline.cut()

    def _locked(self, purpose: str) -> contextlib.AbstractContextManager[None]:
        return locked(self.layout.lock, purpose)

    def _create(self) -> None:
        layout, options = self.layout, replace(self.options, began=time.time())
        for folder in ("log", "etc", "pki", "components", "disk"):
            (layout.folder / folder).mkdir(parents=True, mode=0o700)
        write(layout.options, options.dump())
        with self._listen() as listener:
            port = listener.getsockname()[1]
            pki.make(layout, port)
            configuration.make(layout)
            if not options.kubeless:
                pause = self.toolchain.path("pause")
                archive.of_file(at.PAUSE_IMAGE, pause, layout.folder / "pause.tar")
                cgroups.make(layout.cgroup)
            self._launch(options, port, listener)
        try:
            until(self._up_or_over, 180, f"the cluster {self.name} to come up")
        except TimeoutError as error:
            raise RefusalError(f"{error}: see {layout.log('init')}") from None
        if not layout.ready.exists():
            raise RefusalError(f"the cluster did not come up:\n{self._last_words()}")

    def _up_or_over(self) -> bool:
        return self.layout.ready.exists() or self.pid is None

    def _last_words(self) -> str:
        init = self.layout.log("init").read_text(errors="replace").splitlines()
        words = init[-1:] if init else []
        for log in self.layout.folder.glob("log/*.log"):
            if words and str(log) in words[-1]:
                words += log.read_text(errors="replace").splitlines()[-10:]
        return "\n".join([*words, f"all logs: {self.layout.folder / 'log'}"])

    def _launch(self, options: Options, port: int, listener: socket.socket) -> None:
        """Start process 1 in namespaces of its own, detached from us.

        The launcher notes its own number before it becomes `unshare`, so that there is no instant
        at which the cluster runs and nobody could find it, however suddenly we end. --kill-child
        makes its death that of process 1, which is the death of all.
        """
        inner = [sys.executable, str(SCRIPT), "_inside", self.name, options.dump()]
        descriptors = [listener.fileno()]
        if options.dies_with_caller:
            self._cut_lifeline()
            self._lifeline = Lifeline()
            descriptors.append(self._lifeline.inner)
        lifeline = self._lifeline.inner if self._lifeline else NONE
        inner += [str(port), str(listener.fileno()), str(lifeline)]
        unshare = ["unshare", *NAMESPACES, "--fork", "--kill-child", "--mount-proc", *inner]
        note = 'cat "/proc/$$/stat" >"$0.new" && mv "$0.new" "$0" && exec "$@"'
        with self.layout.log("init").open("ab") as log:
            subprocess.run(
                ["setsid", "--fork", "sh", "-c", note, str(self.layout.launcher), *unshare],
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                pass_fds=descriptors,
                env={**os.environ, "PATH": inside.path_variable(self.toolchain.folder)},
            )
        if self._lifeline is not None:
            self._lifeline.handed_over()
        try:
            until(self._launched, 10, "unshare to start")
        except TimeoutError:
            raise RefusalError(f"the cluster did not start:\n{self._last_words()}") from None
        pid = self.pid
        if pid is not None:
            write(self.layout.init, Path(f"/proc/{pid}/stat").read_text())

    def _launched(self) -> bool:
        """Whether process 1 is there, or all is over already."""
        if not self.layout.launcher.exists():
            return False
        launcher, fields = processes.stat_fields(self.layout.launcher.read_text())
        running = processes.alive(launcher, fields[processes.START_TIME])
        return self.pid is not None or not running

    def _listen(self) -> socket.socket:
        """The door's outer side: the wished port, or the first free one from the name's own."""
        if self._port is not None:
            wishes = [self._port]
        elif self.name == "spark":
            wishes = [6443, *range(FIRST_PORT, FIRST_PORT + PORTS)]
        else:
            # Derived from the name, so that it is the same the next time without being written.
            start = zlib.crc32(os.fsencode(self.layout.folder)) % PORTS
            wishes = [FIRST_PORT + (start + step) % PORTS for step in range(PORTS)]
        for port in wishes:
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
                listener.listen(512)
            except OSError as error:
                listener.close()
                reason = error.strerror
                continue
            return listener
        raise RefusalError(
            f"127.0.0.1:{wishes[0]}: {reason}; another port can be set with SPARK_CLUSTER_PORT"
        )

    def _kill_all(self) -> None:
        """End process 1 and wait for it: before it is a zombie, all others have ended.

        The launcher then reaps it and ends by itself. It is killed only where it has no child (it
        may not have made it yet) and where it fails to end.
        """
        pid = self.pid
        if pid is not None:
            with contextlib.suppress(OSError):
                write(self.layout.init, Path(f"/proc/{pid}/stat").read_text())
        for note in (self.layout.init, self.layout.launcher):
            try:
                number, fields = processes.stat_fields(note.read_text())
            except (OSError, ValueError):
                continue
            start_time = fields[processes.START_TIME]
            ends_alone = note == self.layout.launcher and pid is not None
            if not (ends_alone and _gone(number, start_time, 5)):
                if processes.alive(number, start_time):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(number, signal.SIGKILL)
                if not _gone(number, start_time, 30):
                    raise RefusalError(f"process {number} of the cluster does not end")

    def _destroy(self) -> None:
        self._kill_all()
        cgroups.remove(self.layout.cgroup)
        try:
            # Not once: when the launcher was killed by others, processes may be ending just now.
            until(self._folder_removed, 15, f"removing {self.layout.folder}")
        except TimeoutError:
            shutil.rmtree(self.layout.folder)  # and this time say what is in the way

    def _folder_removed(self) -> bool:
        shutil.rmtree(self.layout.folder, ignore_errors=True)
        return not self.layout.folder.exists()

    # ---------------------------------------------------------------- ways in

    def command(self, arguments: Sequence[str], everything: bool = False) -> list[str]:
        """`arguments` wrapped so that they run in the cluster's network, or in all its namespaces."""
        pid = self._require_pid()
        kinds = ["-n", "-m", "-p", "-i", "-u"] if everything else ["-n"]
        folder = "/" if everything else os.getcwd()
        return ["nsenter", "-t", str(pid), *kinds, f"--wd={folder}", "--", *arguments]

    def environment(self) -> dict[str, str]:
        """Our environment, with the cluster's tools and kubeconfig."""
        path = f"{self.toolchain.folder}:{os.environ.get('PATH', packages.SYSTEM_PATH)}"
        return {**os.environ, "PATH": path, "KUBECONFIG": str(self.kubeconfig)}

    def exec(
        self,
        arguments: Sequence[str],
        *,
        everything: bool = False,
        check: bool = True,
        timeout: float | None = None,
        env: Mapping[str, str] | None = None,
        stdin: IO[bytes] | None = None,
        input: str | None = None,  # noqa: A002
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the cluster's network and return what it said."""
        source: dict[str, Any] = {"input": input}
        if input is None:
            source = {"stdin": stdin or subprocess.DEVNULL}
        return subprocess.run(
            self.command(arguments, everything),
            env={**self.environment(), **(env or {})},
            **source,
            capture_output=True,
            text=True,
            check=check,
            timeout=timeout,
        )

    def popen(self, arguments: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
        """Start a command in the cluster's network; the caller ends it."""
        options.setdefault("env", self.environment())
        return subprocess.Popen(self.command(arguments), **options)

    def kubectl(self, *arguments: str, check: bool = True, input: str | None = None) -> str:  # noqa: A002
        """Run kubectl as administrator and return what it printed."""
        self._require_pid()
        result = subprocess.run(
            [self.toolchain.path("kubectl"), *arguments],
            env=self.environment(),
            input=input,
            capture_output=True,
            text=True,
            check=False,
        )
        if check and result.returncode != 0:
            raise RefusalError(f"kubectl {' '.join(arguments)}: {result.stderr.strip()}")
        return result.stdout

    # ---------------------------------------------------------------- components

    def kill(self, name: str) -> None:
        """SIGKILL one component and wait until it is gone. It stays down until `start`."""
        process = self._component(name)
        if process is None:
            return
        os.kill(process.outer, signal.SIGKILL)
        until(lambda: not processes.alive(process.outer), 10, f"{name} to end")

    def forget(self, name: str) -> None:
        """Kill a component for good: from now on it is not missed."""
        self.kill(name)
        self.layout.component(name).unlink(missing_ok=True)

    def pause(self, name: str) -> None:
        """SIGSTOP one component: it keeps its connections and answers nothing."""
        self._signal(name, signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """Let a paused component go on."""
        self._signal(name, signal.SIGCONT)

    def _signal(self, name: str, number: signal.Signals) -> None:
        os.kill(self.process_of(name), number)

    def start(self, name: str, command: Sequence[str] | None = None, wait: bool = True) -> None:
        """Start a component again (or a new one, with `command`) if it does not run.

        With `wait` the return means, for the store and the API server, that requests are served.
        """
        if command is None:
            if self._component(name) is not None:
                return
            command = json.loads(self.layout.component(name).read_text())["command"]
        self._start(name, list(command))
        if wait and name in ("etcd", "apiserver") and self._component("apiserver"):
            until(Api(self.kubeconfig).serves, 60, "the API server to serve")

    def _start(self, name: str, command: list[str]) -> None:
        # The shell notes its number as seen inside, then becomes the component. It is orphaned at
        # once, so that process 1 inherits and reaps it.
        note = self.layout.component(name)
        write(note, json.dumps({"pid": 0, "command": command}))
        script = 'printf %s "{\\"pid\\": $$, \\"command\\": $1}" >"$0.new" && mv "$0.new" "$0"'
        script += ' && shift && exec "$@"'
        detached = ["setsid", "--fork", "sh", "-c", script, str(note), json.dumps(command)]
        with self.layout.log(name).open("ab") as log:
            subprocess.run(
                self.command([*detached, *command], everything=True),
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=inside.component_environment(inside.path_variable(self.toolchain.folder)),
            )
        until(lambda: json.loads(note.read_text())["pid"] != 0, 10, f"{name} to start")

    def _component(self, name: str) -> processes.Process | None:
        known = self._components(self._require_pid())
        if name not in known:
            raise RefusalError(f"no component {name}; there are: {' '.join(sorted(known))}")
        return known[name]

    def process_numbers(self) -> dict[str, int]:
        """The number, outside, of each component's process that lives, by the component's name."""
        known = self._components(self._require_pid())
        return {name: process.outer for name, process in known.items() if process is not None}

    def running(self, name: str) -> bool:
        """Whether a component of this name was started and lives."""
        return self._components(self._require_pid()).get(name) is not None

    def process_of(self, name: str) -> int:
        """The number, outside, of a component's process."""
        process = self._component(name)
        if process is None:
            raise RefusalError(f"{name} does not run")
        return process.outer

    def kwok(self, nodes: int = 1) -> None:
        """Start kwok unless it runs, and have this many fake nodes (tainted beside a real one)."""
        if not self.running("kwok"):
            self.start("kwok", components.kwok(self.layout))
        actual = self.actual_options()
        tainted = not (actual and actual.kubeless)
        api = self.api()
        names = [f"fake-{number}" for number in range(nodes)]
        for name in names:
            api.apply("/api/v1/nodes", components.fake_node(name, tainted))
        for name in names:
            until(lambda name=name: inside.node_ready(api, name), 60, f"{name} to be Ready")  # type: ignore[misc]

    # ---------------------------------------------------------------- images

    def load_image(self, path: Path) -> bool:
        """Import an image archive into the node; False when just this file was imported before."""
        actual = self.actual_options()
        self._require_pid()
        if actual and actual.kubeless:
            raise RefusalError(f"the cluster {self.name} is kubeless: nothing runs images in it")
        if not path.is_file():
            raise RefusalError(f"{path} is not a file")
        status = path.stat()
        known = f"{path.resolve()} {status.st_size} {status.st_mtime_ns}"
        note = self.layout.folder / "images" / hashlib.sha256(known.encode()).hexdigest()[:16]
        if note.exists():
            return False
        # By standard input: the archive may lie where the node has a folder of its own.
        with path.open("rb") as stream:
            result = self.exec(
                ["ctr", "-n", "k8s.io", "images", "import", "-"],
                everything=True,
                check=False,
                stdin=stream,
            )
        if result.returncode != 0:
            raise RefusalError(f"importing {path} failed: {result.stderr.strip()}")
        write(note, f"{known} {sha256(path)}\n")
        return True

    # ---------------------------------------------------------------- status

    def status(self) -> list[str]:
        """Lines for people."""
        pid = self.pid
        if pid is None:
            return [f"cluster {self.name}: down"]
        actual = self.actual_options() or Options()
        kind = "kubeless" if actual.kubeless else "real node"
        trouble = self.trouble()
        lines = [f"cluster {self.name}: {trouble or 'healthy'} ({kind}, process {pid})"]
        lines.append(f"kubeconfig: {self.kubeconfig}")
        for name, process in self._components(pid).items():
            if process is None:
                lines.append(f"  {name:12} dead: see {self.layout.log(name)}")
            else:
                mebibytes = process.resident_kib / 1024
                lines.append(f"  {name:12} {mebibytes:6.0f} MiB  process {process.outer}")
        return lines


def _gone(pid: int, start_time: str, seconds: float) -> bool:
    """Whether this process ends in time."""
    try:
        until(lambda: not processes.alive(pid, start_time), seconds, f"process {pid} to end")
    except TimeoutError:
        return False
    return True
