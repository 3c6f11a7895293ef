"""What the machine must have: root, Linux, a few Debian packages, and the programs of scripts/cluster-programs."""

import os
import platform
import shutil

from elbow_cluster.layout import ClusterError, Layout

# program: Debian package
PACKAGES = {"runc": "runc", "nft": "nftables", "ip": "iproute2", "openssl": "openssl"}
PROGRAMS = (
    *(
        "etcd",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "kubelet",
        "kube-proxy",
        "kubectl",
        "coredns",
    ),
    *("containerd", "containerd-shim-runc-v2", "ctr", "bridge", "loopback", "host-local", "portmap", "pause", "helm"),
)


def check(layout: Layout) -> None:
    """Raises ClusterError, saying what to do, when something is missing."""
    if platform.system() != "Linux" or os.geteuid() != 0:
        raise ClusterError("the cluster needs Linux and root")
    missing = sorted(package for program, package in PACKAGES.items() if not shutil.which(program))
    if missing:
        raise ClusterError(f"missing programs: apt-get install {' '.join(missing)}")
    if unbuilt := [program for program in PROGRAMS if not (layout.bin / program).exists()]:
        raise ClusterError(f"not built yet: {', '.join(unbuilt)}: run scripts/cluster-programs")
