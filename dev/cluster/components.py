"""The command line of every component."""

from __future__ import annotations

from dev.cluster import layout as at
from dev.cluster.layout import Layout

UNUSED_CONTROLLERS = (
    "node-ipam-controller",
    "node-route-controller",
    "cloud-node-lifecycle-controller",
)
ETCD = "http://127.0.0.1:2379"
RAISED_LIMITS = ("--kube-api-qps=500", "--kube-api-burst=1000")


def etcd(layout: Layout) -> list[str]:
    """The store. No fsync: what a power cut would lose here is made again by `up`."""
    return [
        "etcd",
        f"--data-dir={layout.disk('etcd')}",
        f"--listen-client-urls={ETCD}",
        f"--advertise-client-urls={ETCD}",
        "--listen-peer-urls=http://127.0.0.1:2380",
        "--unsafe-no-fsync",
        "--log-level=warn",
        f"--quota-backend-bytes={2 << 30}",
    ]


def apiserver(layout: Layout, port: int, audit: bool) -> list[str]:
    """The API server, with the limits on concurrent requests raised: load tests are wanted."""
    command = [
        "kube-apiserver",
        f"--etcd-servers={ETCD}",
        f"--advertise-address={at.NODE_ADDRESS}",
        f"--secure-port={port}",
        f"--tls-cert-file={layout.pki('apiserver.crt')}",
        f"--tls-private-key-file={layout.pki('apiserver.key')}",
        f"--client-ca-file={layout.pki('ca.crt')}",
        f"--token-auth-file={layout.folder / 'tokens.csv'}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        f"--service-cluster-ip-range={at.SERVICE_RANGE}",
        f"--service-account-issuer=https://kubernetes.default.svc.{at.DOMAIN}",
        f"--service-account-key-file={layout.pki('service-accounts.pub')}",
        f"--service-account-signing-key-file={layout.pki('service-accounts.key')}",
        f"--kubelet-client-certificate={layout.pki('kubelet-client.crt')}",
        f"--kubelet-client-key={layout.pki('kubelet-client.key')}",
        "--kubelet-preferred-address-types=InternalIP",
        f"--requestheader-client-ca-file={layout.pki('ca.crt')}",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={layout.pki('front-proxy.crt')}",
        f"--proxy-client-key-file={layout.pki('front-proxy.key')}",
        "--allow-privileged=true",
        "--max-requests-inflight=3000",
        "--max-mutating-requests-inflight=1000",
        "--profiling=false",
    ]
    if audit:
        command += [
            f"--audit-policy-file={layout.etc('audit.json')}",
            f"--audit-log-path={layout.log('audit')}",
            "--audit-log-maxsize=2000",
        ]
    return command


def controllers(layout: Layout, stock_limits: bool) -> list[str]:
    """The controller manager. Neither the network plugin nor kube-proxy needs ranges or routes."""
    command = [
        "kube-controller-manager",
        f"--kubeconfig={layout.user_kubeconfig('controllers')}",
        "--leader-elect=false",
        "--use-service-account-credentials",
        f"--service-account-private-key-file={layout.pki('service-accounts.key')}",
        f"--root-ca-file={layout.pki('ca.crt')}",
        f"--cluster-signing-cert-file={layout.pki('ca.crt')}",
        f"--cluster-signing-key-file={layout.pki('ca.key')}",
        "--authentication-skip-lookup",
        "--profiling=false",
        f"--controllers=*,{','.join(f'-{name}' for name in UNUSED_CONTROLLERS)}",
    ]
    if not stock_limits:
        command += [*RAISED_LIMITS, "--concurrent-job-syncs=20", "--concurrent-cron-job-syncs=20"]
    return command


def scheduler(layout: Layout, stock_limits: bool) -> list[str]:
    """The scheduler."""
    command = [
        "kube-scheduler",
        f"--kubeconfig={layout.user_kubeconfig('scheduler')}",
        "--leader-elect=false",
        "--authentication-skip-lookup",
        "--profiling=false",
    ]
    return command if stock_limits else [*command, *RAISED_LIMITS]


def containerd(layout: Layout) -> list[str]:
    """The container runtime."""
    return ["containerd", "-c", str(layout.etc("containerd.toml"))]


def kubelet(layout: Layout) -> list[str]:
    """The node agent."""
    return [
        "kubelet",
        f"--config={layout.etc('kubelet.json')}",
        f"--kubeconfig={layout.user_kubeconfig('kubelet')}",
        f"--hostname-override={at.NODE}",
        f"--node-ip={at.NODE_ADDRESS}",
        f"--root-dir={at.KUBELET_FOLDER}",
        f"--cert-dir={layout.pki('kubelet')}",
        "-v=2",
    ]


def proxy(layout: Layout) -> list[str]:
    """What makes Service addresses work."""
    return ["kube-proxy", f"--config={layout.etc('proxy.json')}"]


def coredns(layout: Layout) -> list[str]:
    """What makes Service names work."""
    return ["coredns", "-conf", str(layout.etc("Corefile"))]


def kwok(layout: Layout) -> list[str]:
    """The actor behind fake nodes: it moves their pods through the stages."""
    return [
        "kwok",
        f"--kubeconfig={layout.user_kubeconfig('kwok')}",
        f"--config={layout.etc('stages.yaml')}",
        "--manage-nodes-with-label-selector=type=kwok",
        f"--node-ip={at.NODE_ADDRESS}",
        f"--cidr={at.FAKE_POD_RANGE}",
        "--node-lease-duration-seconds=40",
    ]


def fake_node(name: str, tainted: bool) -> dict[str, object]:
    """A node for kwok. Beside a real one it is tainted, else the scheduler spreads over both."""
    size = {"cpu": "4096", "memory": "4Ti", "pods": "20000"}
    taint = {"key": "kwok.x-k8s.io/node", "value": "fake", "effect": "NoSchedule"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "type": "kwok",
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
            },
        },
        "spec": {"taints": [taint]} if tainted else {},
        "status": {"allocatable": size, "capacity": size},
    }
