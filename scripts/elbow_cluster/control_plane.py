"""etcd, the API server, the controllers, the scheduler and the cluster's DNS, in the host namespace."""

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path

from elbow_cluster.kubectl import answers, kubectl
from elbow_cluster.layout import DNS_DOMAIN, DNS_SERVICE, HOST_ADDRESSES, SERVICE_RANGES, Layout
from elbow_cluster.process import in_network, members, spawn, until


def start_api(layout: Layout) -> None:
    """Starts etcd and the API server; doesn't wait for them."""
    start_etcd(layout)
    start_api_server(layout)


def start_etcd(layout: Layout) -> None:
    """Starts etcd; doesn't wait for it."""
    # Nothing here is to survive a loss of power: without fsync a write is a hundred times faster.
    _start(layout, "etcd", [f"--data-dir={layout.home}/etcd", "--unsafe-no-fsync", "--log-level=warn"])


def start_api_server(layout: Layout) -> None:
    """Starts the API server; doesn't wait for it."""
    keys = layout.keys
    _start(
        layout,
        "kube-apiserver",
        [
            "--etcd-servers=http://127.0.0.1:2379",
            f"--advertise-address={HOST_ADDRESSES[0]}",
            f"--tls-cert-file={keys}/apiserver.crt",
            f"--tls-private-key-file={keys}/apiserver.key",
            f"--client-ca-file={keys}/ca.crt",
            f"--kubelet-client-certificate={keys}/admin.crt",
            f"--kubelet-client-key={keys}/admin.key",
            "--kubelet-preferred-address-types=InternalIP",
            f"--service-account-key-file={keys}/service-accounts.crt",
            f"--service-account-signing-key-file={keys}/service-accounts.key",
            f"--service-account-issuer=https://kubernetes.default.svc.{DNS_DOMAIN}",
            f"--service-cluster-ip-range={','.join(SERVICE_RANGES)}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged=true",
        ],
    )


def api_servers(layout: Layout) -> list[int]:
    """The API server's processes: one, or none while it is stopped."""
    return [pid for pid in members(layout.host) if _name(pid) == "kube-apiserver"]


def controllers(layout: Layout) -> list[int]:
    """The processes that have leaders elsewhere."""
    return [pid for pid in members(layout.host) if _name(pid) in ("kube-controller", "kube-scheduler")]


def _name(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


def start_rest(layout: Layout) -> None:
    """Waits for the API server, then starts the rest of the control plane."""
    until_api_answers(layout)
    start_controllers(layout)
    _start_dns(layout)


def start_controllers(layout: Layout) -> None:
    """Starts what acts on objects."""
    _start(
        layout,
        "kube-controller-manager",
        [
            f"--kubeconfig={layout.kubeconfig('kube-controller-manager')}",
            f"--service-account-private-key-file={layout.keys}/service-accounts.key",
            f"--root-ca-file={layout.keys}/ca.crt",
            "--use-service-account-credentials=true",
            "--leader-elect=false",
            f"--flex-volume-plugin-dir={layout.home}/volume-plugins",
            "--node-monitor-grace-period=20s",
            "--node-monitor-period=2s",
        ],
    )
    _start(layout, "kube-scheduler", [f"--kubeconfig={layout.kubeconfig('kube-scheduler')}", "--leader-elect=false"])


def until_api_answers(layout: Layout) -> None:
    """Waits for the API server."""
    until("the API server", lambda: answers(layout, "get", "--raw", "/readyz"), 60, layout.log("kube-apiserver"))


def _start(layout: Layout, program: str, arguments: Sequence[str]) -> None:
    spawn(in_network(layout.host, layout.bin / program, *arguments), layout.log(program))


def _start_dns(layout: Layout) -> None:
    """CoreDNS listens in the host namespace; pods reach it through a Service without a selector."""
    corefile = layout.home / "Corefile"
    kubernetes = f"kubernetes {{\n kubeconfig {layout.kubeconfig()}\n ttl 1\n}}"
    zones = {f"{DNS_DOMAIN} in-addr.arpa ip6.arpa": kubernetes, ".": "template ANY ANY {\n rcode NXDOMAIN\n}"}
    corefile.write_text(
        "".join(f"{zone} {{\nbind {HOST_ADDRESSES[0]}\n{answer}\n}}\n" for zone, answer in zones.items())
    )
    _start(layout, "coredns", ["-conf", str(corefile)])
    meta = {"name": "kube-dns", "namespace": "kube-system"}
    ports = [{"name": "dns", "protocol": "UDP", "port": 53}, {"name": "dns-tcp", "protocol": "TCP", "port": 53}]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta,
        "spec": {"clusterIP": DNS_SERVICE, "ports": ports},
    }
    endpoints = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {**meta, "labels": {"kubernetes.io/service-name": "kube-dns"}},
        "addressType": "IPv4",
        "ports": ports,
        "endpoints": [{"addresses": [HOST_ADDRESSES[0]]}],
    }
    both = {"apiVersion": "v1", "kind": "List", "items": [service, endpoints]}
    kubectl(layout, "create", "--validate=false", "-f", "-", stdin=json.dumps(both))
