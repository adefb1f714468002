"""Process 1 of a cluster: it makes the private machine, starts the components and reaps.

When it is killed, the kernel kills all in its process namespace, and with the last of them the
mounts and the network go. So nothing here needs undoing, and nothing here tries to.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from dev import packages
from dev.cluster import cgroups, components, lifeline
from dev.cluster import layout as at
from dev.cluster.api import Api, ApiError
from dev.cluster.layout import Layout
from dev.cluster.options import Options
from dev.errors import RefusalError
from dev.files import write
from dev.waiting import until

TEMPORARY = "/run/temporary"
DISKS = ("etcd", "containerd", "postgres")
SHADOWED_SETTINGS = {
    "vm/overcommit_memory": 1,
    "vm/panic_on_oom": 0,
    "kernel/panic": 10,
    "kernel/panic_on_oops": 1,
    "kernel/keys/root_maxkeys": 1000000,
    "kernel/keys/root_maxbytes": 25000000,
}
"""What kubelet writes into the kernel, which no namespace holds: it finds its values there already
(in files laid over the entries), so the machine's own stay as they are."""


class Supervisor:
    """The children of process 1."""

    def __init__(self, layout: Layout, environment: dict[str, str], began: float) -> None:
        self.layout = layout
        self.environment = environment
        self.began = began
        self.timings: dict[str, float] = {}
        self._names: dict[int, str] = {}

    def mark(self, what: str) -> None:
        """Note, for whoever waits or measures, that a step is done."""
        self.timings[what] = round(time.time() - self.began, 2)
        print(f"{self.timings[what]:7.2f} {what}", flush=True)

    def start(self, name: str, command: Sequence[str], inherited: Sequence[int] = ()) -> None:
        """Start a component; its log and its command line go where `kill` and `start` find them."""
        with self.layout.log(name).open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=self.environment,
                pass_fds=inherited,
            )
        self._names[process.pid] = name
        process.returncode = 0  # reaped below, by number; Popen must not wait for it too
        note = {"pid": process.pid, "command": list(command)}
        write(self.layout.component(name), json.dumps(note))
        self.mark(f"started {name}")

    def wait(self, what: str, test: Callable[[], object], seconds: float = 120) -> None:
        """Wait for `test`; a component that dies meanwhile ends the waiting, naming its log."""

        def attempt() -> object:
            self._refuse_deaths()
            try:
                return test()
            except (OSError, ApiError, ValueError, KeyError):
                return False

        try:
            until(attempt, seconds, what, 0.05)
        except TimeoutError as error:
            raise RefusalError(str(error)) from None
        self.mark(what)

    def _refuse_deaths(self) -> None:
        for pid, name in self._names.items():
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                code = os.waitstatus_to_exitcode(status)
                raise RefusalError(f"{name} ended with {code}: see {self.layout.log(name)}")

    def reap_forever(self) -> None:
        """The duty of a process 1: whoever loses its parent inside becomes a child of this one."""
        while True:
            try:
                pid, status = os.waitpid(-1, 0)
            except ChildProcessError:
                signal.pause()  # nobody is left; a new orphan announces its end by SIGCHLD
                continue
            name = self._names.pop(pid, None)
            if name:
                code = os.waitstatus_to_exitcode(status)
                print(f"ended: {name} ({code})", flush=True)


def main(layout: Layout, options: Options, port: int, listener: int, caller: int) -> None:
    """Bring everything up, then reap until killed, or until the caller's lifeline is cut."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGCHLD, lambda *_: None)
    if caller != lifeline.NONE:
        lifeline.when_cut(caller, lambda: _end_with_caller(layout))
    environment = component_environment(os.environ["PATH"])
    supervisor = Supervisor(layout, environment, options.began)
    _mounts(layout, options)
    _network()
    _run("hostname", at.NODE)
    supervisor.mark("namespaces")
    _control_plane(supervisor, options, port, listener)
    if options.kubeless:
        _fake_node(supervisor)
    else:
        _real_node(supervisor)
    write(layout.folder / "timings.json", json.dumps(supervisor.timings, indent=1))
    write(layout.ready, "")
    supervisor.reap_forever()


def _end_with_caller(layout: Layout) -> None:
    """Nobody is left who could call `down`, so what lies outside of the namespaces goes here."""
    try:
        os.kill(-1, signal.SIGKILL)  # all but ourselves: no log is written to from here on
        for name in DISKS:
            # Detached, as the killed may still be ending. A second removal finds nothing to do.
            command = ["umount", "--lazy", "--recursive", str(layout.disk(name))]
            subprocess.run(command, capture_output=True, check=False)
        cgroups.remove(layout.cgroup)
        shutil.rmtree(layout.folder, ignore_errors=True)
    finally:
        os._exit(0)


def _control_plane(supervisor: Supervisor, options: Options, port: int, listener: int) -> None:
    layout = supervisor.layout
    api = Api(layout.kubeconfig)
    supervisor.start("etcd", components.etcd(layout))
    supervisor.start("apiserver", components.apiserver(layout, port, options.audit))
    script = str(Path(__file__).resolve().parent.parent / "spark-dev")
    door = [sys.executable, script, "_forward", str(listener), str(port)]
    supervisor.start("forward", door, [listener])
    os.close(listener)
    if not options.kubeless:
        supervisor.start("containerd", components.containerd(layout))
    supervisor.wait("the API server is ready", api.healthy)
    # Started earlier, these two would end, as they cannot reach the API server.
    supervisor.start("controllers", components.controllers(layout, options.stock_limits))
    supervisor.start("scheduler", components.scheduler(layout, options.stock_limits))


def _default_account(supervisor: Supervisor) -> None:
    # Before it is there, the first pods would be refused.
    api = Api(supervisor.layout.kubeconfig)
    default = "/api/v1/namespaces/default"
    supervisor.wait(
        "the default service account is there",
        lambda: (
            api.get(f"{default}/serviceaccounts/default")
            and api.get(f"{default}/configmaps/kube-root-ca.crt")
        ),
    )


def node_ready(api: Api, name: str) -> bool:
    """Whether a node is Ready and takes pods (a fake one may be tainted on purpose)."""
    node = api.get(f"/api/v1/nodes/{name}")
    conditions = node["status"].get("conditions", [])
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    taints = [taint["key"] for taint in node["spec"].get("taints", [])]
    return ready and not [key for key in taints if key != "kwok.x-k8s.io/node"]


def _fake_node(supervisor: Supervisor) -> None:
    api = Api(supervisor.layout.kubeconfig)
    supervisor.start("kwok", components.kwok(supervisor.layout))
    api.apply("/api/v1/nodes", components.fake_node("fake-0", tainted=False))
    _default_account(supervisor)
    supervisor.wait("the fake node is Ready", lambda: node_ready(api, "fake-0"))


def _real_node(supervisor: Supervisor) -> None:
    layout = supervisor.layout
    api = Api(layout.kubeconfig)
    supervisor.wait("containerd answers", lambda: _succeeds("ctr", "version"))
    _run("ctr", "-n", "k8s.io", "images", "import", str(layout.folder / "pause.tar"))
    supervisor.mark("the pause image is loaded")
    supervisor.start("kubelet", components.kubelet(layout))
    supervisor.start("proxy", components.proxy(layout))
    supervisor.start("coredns", components.coredns(layout))
    _default_account(supervisor)
    supervisor.wait("the node is Ready", lambda: node_ready(api, at.NODE))
    supervisor.wait("Service addresses answer", _service_answers)


def _service_answers() -> bool:
    with socket.create_connection((at.SERVICE_API, 443), 0.2):
        return True


def _mounts(layout: Layout, options: Options) -> None:
    """Private folders where a node writes, so that the machine's own are not even seen."""
    # Shared among the cluster's own, for pods that propagate mounts; unshare made it private to us.
    _run("mount", "--make-rshared", "/")
    _run("mount", "-t", "tmpfs", "-o", "mode=755", "run", "/run")
    Path(TEMPORARY).mkdir(mode=0o777)
    # PostgreSQL's shared memory has a name, which would outlive it on the machine's own.
    _run("mount", "-t", "tmpfs", "-o", "mode=1777", "shm", "/dev/shm")  # noqa: S108
    for name in DISKS:
        layout.disk(name).mkdir(parents=True, exist_ok=True)
        if options.tmpfs:
            flags = ["-t", "tmpfs", "-o", "mode=700", "data", str(layout.disk(name))]
            _run("mount", *flags)
    _bind(layout.disk("log"), Path("/var/log"))
    # Out of a home that is closed to other users, to where the user of PostgreSQL can reach it.
    Path(at.POSTGRES_FOLDER).mkdir()
    _bind(layout.disk("postgres"), Path(at.POSTGRES_FOLDER))
    if options.kubeless:
        return
    _bind(layout.disk("kubelet"), Path(at.KUBELET_FOLDER))
    _bind(layout.disk("cni"), Path("/var/lib/cni"))
    for name, value in SHADOWED_SETTINGS.items():
        setting = Path("/proc/sys", name)
        if setting.exists():
            shadow = layout.folder / "settings" / name.replace("/", "_")
            write(shadow, f"{value}\n", 0o644)
            _run("mount", "--bind", str(shadow), str(setting))


def _bind(source: Path, target: Path) -> None:
    source.mkdir(parents=True, exist_ok=True)
    _run("mount", "--bind", str(source), str(target))


def _network() -> None:
    """Addresses of a node that is alone. A veth pair, both ends here: not every kernel has dummy."""
    for command in (
        "link set lo up",
        "link add node0 type veth peer name node1",
        "link set node1 up",
        "link set node0 up",
        f"addr add {at.NODE_ADDRESS}/24 dev node0",
        # To nowhere; but without a default route a Service address is unreachable from here.
        f"route add default via {at.NODE_GATEWAY} dev node0",
        # Made before the first pod, so that a test can listen on the pods' gateway address.
        # A bridge without an address of its own takes its ports' lowest. When that pod ends, others
        # go on sending to it, and nothing of theirs arrives until they ask anew: up to 45 seconds.
        f"link add cni0 address {at.POD_GATEWAY_HARDWARE} type bridge",
        f"addr add {at.POD_GATEWAY}/24 dev cni0",
        "link set cni0 up",
    ):
        _run("ip", *command.split())
    _run("sysctl", "-qw", "net.ipv4.ip_forward=1")
    if Path("/proc/sys/net/bridge").is_dir():
        _run("sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=1")


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _run(*command: str) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise RefusalError(f"{' '.join(command)}: {result.stderr.strip() or result.returncode}")


def component_environment(path: str) -> dict[str, str]:
    """All that a component inherits. Temporary files go where they vanish with the cluster."""
    return {"PATH": path, "HOME": "/root", "LC_ALL": "C.UTF-8", "TMPDIR": TEMPORARY}


def path_variable(tools: Path) -> str:
    """PATH of everything inside: our tools first."""
    return f"{tools}:{packages.SYSTEM_PATH}"
