"""What the machine must have: root, Linux, a few Debian packages, and the programs of scripts/cluster-programs."""

import os
import platform
import shutil
import subprocess

from elbow_cluster.cgroups import ROOT
from elbow_cluster.layout import ClusterError, Layout

MEMORY = 4  # GB
DISK = 8  # GB, for the build; nothing else is written to a disk
CONTROLLERS = {"cpu", "memory", "pids"}

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


def check_machine(layout: Layout) -> None:
    """Raises ClusterError, saying why, where no cluster can be had, whatever is installed."""
    if platform.system() != "Linux" or os.geteuid() != 0:
        raise ClusterError("the cluster needs Linux and root")
    namespaces = ("--net", "--mount", "--uts", "--ipc", "--pid", "--fork")
    try_out = ("unshare", *namespaces, "mount", "-t", "tmpfs", "none", "/mnt")
    if subprocess.run(try_out, capture_output=True, check=False).returncode:
        raise ClusterError("the cluster needs namespaces, and this machine lets nobody make any")
    if lacking := CONTROLLERS - _controllers():
        raise ClusterError(f"the cluster needs control groups: {', '.join(sorted(lacking))} can't be used here")
    if (memory := os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9) < MEMORY:
        raise ClusterError(f"the cluster needs {MEMORY} GB of memory, and this machine has {memory:.1f}")
    layout.cache.mkdir(parents=True, exist_ok=True)
    if _unbuilt(layout) and (free := shutil.disk_usage(layout.cache).free / 1e9) < DISK:
        raise ClusterError(f"to build the cluster's programs takes {DISK} GB of disk, and {free:.1f} are free")


def check(layout: Layout) -> None:
    """Raises ClusterError, saying what to do, when something is missing."""
    check_machine(layout)
    missing = sorted(package for program, package in PACKAGES.items() if not shutil.which(program))
    if missing:
        raise ClusterError(f"missing programs: apt-get install {' '.join(missing)}")
    if unbuilt := _unbuilt(layout):
        raise ClusterError(f"not built yet: {', '.join(unbuilt)}: run scripts/cluster-programs")


def _unbuilt(layout: Layout) -> list[str]:
    return [program for program in PROGRAMS if not (layout.bin / program).exists()]


def _controllers() -> set[str]:
    """The controllers whose groups we may make."""
    unified = ROOT / "cgroup.controllers"
    if unified.exists():
        return set(unified.read_text().split()) if os.access(ROOT, os.W_OK) else set()
    return {name for name in CONTROLLERS if (ROOT / name).is_dir() and os.access(ROOT / name, os.W_OK)}
