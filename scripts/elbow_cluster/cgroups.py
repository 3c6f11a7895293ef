"""Control groups: one for the cluster, one in it for each node, on cgroup v1, v2, and the mix of both."""

import contextlib
import errno
from pathlib import Path

from elbow_cluster.layout import Layout, Node
from elbow_cluster.process import until

ROOT = Path("/sys/fs/cgroup")
KUBELET_NEEDS = ("cpu", "cpuset", "memory", "pids", "hugetlb", "io")


def create(layout: Layout, node: Node) -> None:
    """An empty group, in which the node's kubelet puts pods."""
    remove(layout, node)
    if (ROOT / "cgroup.controllers").exists():
        top = ROOT / layout.cgroup
        _delegate(ROOT)
        top.mkdir(exist_ok=True)
        _delegate(top)
        _set(top / "cpu.weight", "1000")
        (top / node.name).mkdir()
    else:
        for hierarchy in _hierarchies("cgroup"):
            _create_v1(hierarchy / layout.cgroup, node.name)


def remove(layout: Layout, node: Node | None = None) -> None:
    """Removes the group of a node, or of all of them; the processes in it must be gone or going."""
    below = f"{layout.cgroup}/{node.name}" if node else layout.cgroup
    groups = [hierarchy / below for hierarchy in _hierarchies("cgroup", "cgroup2")]
    until("empty control groups", lambda: all(_removed(group) for group in groups), 10)


def _delegate(group: Path) -> None:
    """Lets the groups below use the controllers that a kubelet needs and this machine has."""
    there = (group / "cgroup.controllers").read_text().split()
    wanted = " ".join(f"+{controller}" for controller in KUBELET_NEEDS if controller in there)
    try:
        (group / "cgroup.subtree_control").write_text(wanted)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        # In a container /sys/fs/cgroup is no root: it may hold processes or delegate, not both.
        _move_processes(group, group / "init")
        (group / "cgroup.subtree_control").write_text(wanted)


def _move_processes(source: Path, destination: Path) -> None:
    destination.mkdir(exist_ok=True)
    for pid in (source / "cgroup.procs").read_text().split():
        with contextlib.suppress(ProcessLookupError):
            (destination / "cgroup.procs").write_text(pid)


def _set(file: Path, value: str) -> None:
    """The pods of all nodes would share what one process gets on a busy machine."""
    if file.exists():
        file.write_text(value)


def _create_v1(top: Path, name: str) -> None:
    for group in (top, top / name):
        group.mkdir(exist_ok=True)
        for setting in ("cpuset.cpus", "cpuset.mems"):  # empty in a new group, and then nothing may run in it
            if (group / setting).exists():
                (group / setting).write_text((group.parent / setting).read_text())
    _set(top / "cpu.shares", "10240")


def _hierarchies(*kinds: str) -> list[Path]:
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    return [Path(place) for _, place, kind, *_ in mounts if kind in kinds and Path(place).is_relative_to(ROOT)]


def _removed(top: Path) -> bool:
    """Removes what is empty; whether nothing is left."""
    groups = [path for path in (top, *top.rglob("*")) if path.is_dir()] if top.exists() else []
    for group in sorted(groups, key=lambda path: len(path.parts), reverse=True):
        try:
            group.rmdir()
        except OSError as error:
            if error.errno not in (errno.EBUSY, errno.ENOENT):
                raise
    return not top.exists()
