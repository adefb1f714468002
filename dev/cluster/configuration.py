"""The files that the components read. Each odd-looking setting says what breaks without it."""

from __future__ import annotations

import json

from dev.cluster import layout as at
from dev.cluster import stages
from dev.cluster.layout import Layout
from dev.files import write


def make(layout: Layout) -> None:
    """Write all of them."""
    write(layout.etc("containerd.toml"), _containerd(layout))
    write(layout.etc("cni/10-bridge.conflist"), json.dumps(_network()))
    # kubelet insists on a resolv.conf; the machine's own would leak its search domains into pods.
    write(layout.etc("resolv.conf"), "\n", 0o644)
    write(layout.etc("kubelet.json"), json.dumps(_kubelet(layout)))
    write(layout.etc("proxy.json"), json.dumps(_proxy(layout)))
    write(layout.etc("Corefile"), _coredns(layout))
    write(layout.etc("stages.yaml"), stages.text())
    write(layout.etc("audit.json"), json.dumps(_audit()))


def _containerd(layout: Layout) -> str:
    # restrict_oom_score_adj: root without CAP_SYS_RESOURCE (most containers and small virtual
    # machines) may not lower the score, and then every sandbox fails to start.
    return f"""version = 2
root = "{layout.disk("containerd")}"
state = "/run/containerd"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.native"]
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{at.PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  disable_apparmor = true
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "{layout.etc("cni")}"
[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "overlayfs"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  SystemdCgroup = false
"""


def _network() -> dict[str, object]:
    addresses = {
        "type": "host-local",
        "dataDir": "/run/cni-addresses",
        "ranges": [[{"subnet": at.POD_RANGE}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isGateway": True,
        "ipMasq": False,
        "hairpinMode": True,
        "ipam": addresses,
    }
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "0.4.0", "name": "spark", "plugins": [bridge, ports]}


def _kubelet(layout: Layout) -> dict[str, object]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        # Since 1.35 kubelet refuses cgroup version 1 unless told otherwise.
        "failCgroupV1": False,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{layout.cgroup}",
        "enforceNodeAllocatable": ["pods"],
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(layout.pki("ca.crt"))},
        },
        "authorization": {"mode": "Webhook"},
        "clusterDNS": [at.NODE_ADDRESS],
        "clusterDomain": at.DOMAIN,
        "resolvConf": str(layout.etc("resolv.conf")),
        "podLogsDir": "/var/log/pods",
        "failSwapOn": False,
        # Zero, and a limit below the usual hard one: without CAP_SYS_RESOURCE it may not do better.
        "oomScoreAdj": 0,
        "maxOpenFiles": 20000,
        "maxPods": 110,
        # An image that was collected cannot be pulled again here, so a full disk must not collect.
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "evictionHard": {
            "memory.available": "100Mi",
            "nodefs.available": "1%",
            "imagefs.available": "1%",
            "nodefs.inodesFree": "1%",
        },
        "serializeImagePulls": False,
        "registryPullQPS": 0,
        "eventRecordQPS": 0,
        "kubeAPIQPS": 200,
        "kubeAPIBurst": 400,
        "nodeStatusUpdateFrequency": "5s",
        # A pod that fills its emptyDir is noticed only now and then: by default, every minute.
        "volumeStatsAggPeriod": "10s",
        "shutdownGracePeriod": "0s",
    }


def _proxy(layout: Layout) -> dict[str, object]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": {"kubeconfig": str(layout.user_kubeconfig("proxy"))},
        "hostnameOverride": at.NODE,
        "clusterCIDR": at.POD_RANGE,
        "oomScoreAdj": 0,
        "metricsBindAddress": "127.0.0.1:10249",
        "healthzBindAddress": "127.0.0.1:10256",
        # Zero means: leave the machine's connection tracking as it is. No namespace holds it.
        "conntrack": {
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": "0s",
            "tcpCloseWaitTimeout": "0s",
        },
    }


def _coredns(layout: Layout) -> str:
    # Names outside the cluster are refused at once: asking nobody would take seconds to fail.
    return f"""{at.DOMAIN}:53 in-addr.arpa:53 {{
  bind {at.NODE_ADDRESS}
  errors
  kubernetes {at.DOMAIN} in-addr.arpa {{
    kubeconfig {layout.user_kubeconfig("coredns")}
    pods insecure
    ttl 5
  }}
}}
.:53 {{
  bind {at.NODE_ADDRESS}
  template ANY ANY {{
    rcode NXDOMAIN
  }}
}}
"""


def _audit() -> dict[str, object]:
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [{"level": "Metadata"}],
    }
