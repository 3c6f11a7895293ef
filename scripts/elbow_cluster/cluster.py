"""The cluster as a whole: up, down, and what can be done with it in between."""

# ruff: noqa: T201 - a command line prints

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn, TypeVar

from elbow_cluster import cgroups, control_plane, disk, images, keys, network, node, requirements
from elbow_cluster.kubectl import answers, kubectl, ready_nodes
from elbow_cluster.layout import NODES, ClusterError, Layout, Node
from elbow_cluster.process import NAMESPACES, ancestry, in_network, kill, members, until

T = TypeVar("T")


def up(layout: Layout) -> None:
    """Starts the cluster and waits until pods can run. Nothing happens when it is up and well."""
    requirements.check(layout)
    if exists(layout):
        down_nodes = [n.name for n in NODES if node.init_of(layout, n) is None]
        if down_nodes or len(ready_nodes(layout)) < len(NODES):
            raise ClusterError(
                "the cluster is up, but not all of its nodes: see scripts/cluster status, or run down first"
            )
        print("the cluster is up already")
        return
    began = time.monotonic()
    down(layout)  # what a restart of the machine left behind
    disk.create(layout)
    keys.make_all(layout)
    network.create_host(layout)
    control_plane.start_api(layout)
    images.pause(layout)
    _at_once(lambda n: node.boot(layout, n), NODES)
    control_plane.start_rest(layout)
    _at_once(lambda n: node.join(layout, n), NODES)
    _until_ready(layout, NODES)
    until("default service account", lambda: answers(layout, "get", "serviceaccount", "default"), 30)
    print(f"{len(NODES)} nodes ready in {time.monotonic() - began:.1f} s; scripts/cluster exec kubectl get nodes")


def down(layout: Layout) -> None:
    """Ends every process of the cluster and removes all that it made. Nothing happens when it is down."""
    spared = ancestry()

    def alive() -> list[int]:
        return [pid for name in layout.network_namespaces for pid in members(name) if pid not in spared]

    def all_gone() -> bool:
        kill(alive())
        return not alive()

    until("the end of all processes", all_gone, 20)
    for name in layout.network_namespaces:
        network.delete(name)
    cgroups.remove(layout)
    disk.remove(layout)


def exists(layout: Layout) -> bool:
    """Whether the cluster is there, be it well or not."""
    return (NAMESPACES / layout.host).exists()


def status(layout: Layout) -> None:
    """Prints nodes and pods."""
    _require(layout)
    print(kubectl(layout, "get", "nodes", "--label-columns=topology.kubernetes.io/zone"))
    print(kubectl(layout, "get", "pods", "--all-namespaces", "--output=wide"), end="")


def load(layout: Layout, archives: list[Path]) -> None:
    """Loads image archives into every node that is up."""
    _require(layout)
    if missing := [str(archive) for archive in archives if not archive.is_file()]:
        raise ClusterError(f"no such file: {', '.join(missing)}")
    inits = [init for n in NODES if (init := node.init_of(layout, n)) is not None]
    files = [archive.absolute() for archive in archives]
    _at_once(lambda init: images.load(layout, init, files), inits)


def execute(layout: Layout, command: list[str]) -> NoReturn:
    """Becomes the command, in the host namespace, with KUBECONFIG set and kubectl and helm on the PATH."""
    _require(layout)
    os.environ["KUBECONFIG"] = str(layout.kubeconfig())
    os.environ["PATH"] = f"{layout.bin}:{os.environ['PATH']}"
    argv = in_network(layout.host, *command)
    os.execvp(argv[0], argv)  # noqa: S606 - to become the command is the point


def kill_node(layout: Layout, victim: Node) -> None:
    """Pulls the plug of a node."""
    _require(layout)
    node.pull_the_plug(layout, victim)


def start_node(layout: Layout, stopped: Node) -> None:
    """Starts a node that was killed, with the disk that it had, and waits until it is Ready."""
    _require(layout)
    began = _now()
    node.boot(layout, stopped)
    node.join(layout, stopped)
    _until_ready(layout, [stopped], began)


def stop_api(layout: Layout) -> None:
    """Kills the API server, and the controllers, which end where they can't renew their Lease; etcd stays, and pods run on."""
    _require(layout)
    kill(control_plane.controllers(layout))
    kill(control_plane.api_servers(layout))
    until("the end of the API server", lambda: not control_plane.api_servers(layout), 10)


def start_api(layout: Layout) -> None:
    """Starts the API server again, and waits until it answers. Nothing happens when it is there."""
    _require(layout)
    if not control_plane.api_servers(layout):
        control_plane.start_api_server(layout)
    control_plane.until_api_answers(layout)
    if not control_plane.controllers(layout):
        control_plane.start_controllers(layout)


def _require(layout: Layout) -> None:
    if not exists(layout):
        raise ClusterError("the cluster is down: run scripts/cluster up")


def _at_once(work: Callable[[T], None], items: Sequence[T]) -> None:
    with ThreadPoolExecutor() as pool:
        list(pool.map(work, items))


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _until_ready(layout: Layout, nodes: Sequence[Node], since: str = "") -> None:
    names = {n.name for n in nodes}
    log = layout.log("kubelet", nodes[0])
    until("all nodes ready", lambda: names <= ready_nodes(layout, since), 90, log)
