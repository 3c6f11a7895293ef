"""A node: namespaces of its own with containerd, kubelet and kube-proxy in them."""

import contextlib
import json
import shlex
from pathlib import Path

from elbow_cluster import cgroups, images, network
from elbow_cluster.layout import DNS_DOMAIN, DNS_SERVICE, POD_RANGES, ClusterError, Layout, Node
from elbow_cluster.process import in_network, in_node, kill, members, spawn, until

CONTAINERD_SOCKET = Path("/run/containerd/containerd.sock")
KEPT = ("kubelet", "containerd")  # what a node finds again after it lost power


def init_of(layout: Layout, node: Node) -> int | None:
    """The node's first process, whose end is the end of all others; None when the node is down."""
    for pid in members(layout.network_namespace(node)):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
            if status["NSpid"].split()[1:] == ["1"]:
                return pid
    return None


def running(layout: Layout, node: Node) -> int:
    """Like init_of. Raises ClusterError when the node is down."""
    init = init_of(layout, node)
    if init is None:
        raise ClusterError(f"node {node.name} is down")
    return init


def boot(layout: Layout, node: Node) -> None:
    """From nothing to a running containerd that has the pause image. Raises ClusterError when the node is up already."""
    if init_of(layout, node) is not None:
        raise ClusterError(f"node {node.name} is up already")
    network.delete(layout.network_namespace(node))
    network.attach(layout, node)
    cgroups.create(layout, node)
    _write_settings(layout, node)
    init_log = layout.log("init", node)
    isolated = ("unshare", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc")
    spawn(in_network(layout.network_namespace(node), *isolated, "sh", "-ec", _init_script(layout, node)), init_log)
    until(f"node {node.name}", lambda: _has_booted(layout, node), 10, init_log)
    _start(layout, node, "containerd", f"--config={layout.node_home(node)}/containerd.toml")
    socket = Path(f"/proc/{running(layout, node)}/root{CONTAINERD_SOCKET}")
    until(f"containerd of {node.name}", socket.exists, 20, layout.log("containerd", node))
    images.load(layout, running(layout, node), [images.pause(layout)])


def join(layout: Layout, node: Node) -> None:
    """Starts the parts that talk to the API server; doesn't wait until the node is Ready."""
    home = layout.node_home(node)
    _start(
        layout,
        node,
        "kubelet",
        f"--config={home}/kubelet.json",
        f"--kubeconfig={layout.kubeconfig(f'node-{node.name}')}",
        f"--hostname-override={node.name}",
        f"--node-ip={','.join(node.addresses)}",
        f"--node-labels=topology.kubernetes.io/zone={node.zone},topology.kubernetes.io/region=local",
    )
    _start(layout, node, "kube-proxy", f"--config={home}/kube-proxy.json")


def pull_the_plug(layout: Layout, node: Node) -> None:
    """The node is silent from one moment to the next: no farewell on any connection, then every process dies."""
    init = running(layout, node)
    network.unplug(layout, node)
    kill([init])
    until(f"the end of {node.name}", lambda: not members(layout.network_namespace(node)), 10)
    network.delete(layout.network_namespace(node))
    cgroups.remove(layout, node)


def _start(layout: Layout, node: Node, program: str, *arguments: str) -> None:
    command = in_node(running(layout, node), layout.bin / program, *arguments)
    spawn(command, layout.log(program, node))


def _has_booted(layout: Layout, node: Node) -> bool:
    init = init_of(layout, node)
    return init is not None and Path(f"/proc/{init}/comm").read_text() == "pause\n"


def _init_script(layout: Layout, node: Node) -> str:
    """Ends as the pause program, which reaps orphans, as a first process must."""
    home = layout.node_home(node)
    lines = ["mount --make-rprivate /", f"hostname {node.name}"]
    lines += [f"mount -t tmpfs tmpfs {place}" for place in ("/run", "/var/lib", "/var/log")]
    lines += ["mkdir -p /run/netns /run/lock"]
    lines += [f"mkdir /var/lib/{kept}; mount --bind {shlex.quote(f'{home}/{kept}')} /var/lib/{kept}" for kept in KEPT]
    lines += [f"mkdir /var/log/pods; mount --bind {shlex.quote(f'{home}/log')} /var/log/pods"]
    lines += ["mount --make-rshared /", f"exec {shlex.quote(f'{layout.bin}/pause')}"]
    return "\n".join(lines)


def _write_settings(layout: Layout, node: Node) -> None:
    home = layout.node_home(node)
    for folder in ("cni", "log", *KEPT):
        (home / folder).mkdir(parents=True, exist_ok=True)
    (home / "cni/pods.conflist").write_text(json.dumps(_cni(node)))
    (home / "containerd.toml").write_text(_containerd(layout, node))
    (home / "kubelet.json").write_text(json.dumps(_kubelet(layout, node)))
    (home / "kube-proxy.json").write_text(json.dumps(_kube_proxy(layout, node)))


def _cni(node: Node) -> dict[str, object]:
    ranges = [[{"subnet": subnet}] for subnet in node.pod_subnets]
    addresses = {"type": "host-local", "ranges": ranges, "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]}
    bridge = {"type": "bridge", "bridge": "pods", "isGateway": True, "hairpinMode": True, "ipam": addresses}
    host_ports = {"type": "portmap", "backend": "nftables", "capabilities": {"portMappings": True}}
    return {"cniVersion": "1.0.0", "name": "pods", "plugins": [bridge, host_ports]}


def _containerd(layout: Layout, node: Node) -> str:
    # restrict_oom_score_adj: a machine may lack the capability to protect a process from the out-of-memory killer
    return f"""version = 3
[plugins.'io.containerd.internal.v1.opt']
  path = '/var/lib/containerd/opt'
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = '{images.PAUSE}'
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ['{layout.bin}']
  conf_dir = '{layout.node_home(node)}/cni'
"""


def _kubelet(layout: Layout, node: Node) -> dict[str, object]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {"anonymous": {"enabled": False}, "x509": {"clientCAFile": f"{layout.keys}/ca.crt"}},
        "authorization": {"mode": "AlwaysAllow"},
        "clusterDNS": [DNS_SERVICE],
        "clusterDomain": DNS_DOMAIN,
        "resolvConf": "/dev/null",
        "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
        "volumePluginDir": "/var/lib/kubelet/volume-plugins",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{layout.cgroup}/{node.name}",
        "enforceNodeAllocatable": [],
        "failCgroupV1": False,
        "failSwapOn": False,
        "makeIPTablesUtilChains": False,
        "nodeStatusUpdateFrequency": "2s",
        "serializeImagePulls": False,
        # The machine's disk and memory are shared: a node that evicts pods or images for their sake helps nobody.
        "imageGCHighThresholdPercent": 100,
        "evictionHard": dict.fromkeys(
            ("memory.available", "nodefs.available", "nodefs.inodesFree", "imagefs.available"), "0%"
        ),
    }


def _kube_proxy(layout: Layout, node: Node) -> dict[str, object]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clusterCIDR": ",".join(POD_RANGES),
        "hostnameOverride": node.name,
        "clientConnection": {"kubeconfig": str(layout.kubeconfig("kube-proxy"))},
        "nftables": {"minSyncPeriod": "100ms", "syncPeriod": "30s"},
        # The limits of connection tracking are the whole machine's: leave them alone.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    }
