"""The wires: a bridge in the host namespace, a cable to each node, a route to each node's pods."""

from elbow_cluster.layout import HOST_ADDRESSES, NODE_PREFIXES, NODES, Layout, Node
from elbow_cluster.process import NAMESPACES, in_network, run

BRIDGE = "nodes"


def create_host(layout: Layout) -> None:
    """The host namespace, with routes to the pods of every node, present or not."""
    run("ip", "netns", "add", layout.host)
    _forward(layout.host)
    _ip(layout.host, "link set lo up", f"link add {BRIDGE} type bridge", f"link set {BRIDGE} up")
    for address, prefix in zip(HOST_ADDRESSES, NODE_PREFIXES, strict=True):
        _ip(layout.host, f"addr add {address}/{prefix} dev {BRIDGE} {_now(address)}")
    _route_to_pods(layout.host, NODES)


def attach(layout: Layout, node: Node) -> None:
    """A fresh network namespace for a node, plugged into the bridge."""
    namespace, cable = layout.network_namespace(node), f"to-{node.name}"
    run("ip", "netns", "add", namespace)
    _forward(namespace)
    _ip(
        layout.host,
        f"link add {cable} type veth peer name eth0 netns {namespace}",
        f"link set {cable} master {BRIDGE} up",
    )
    _ip(namespace, "link set lo up", "link set eth0 up")
    for address, prefix, host in zip(node.addresses, NODE_PREFIXES, HOST_ADDRESSES, strict=True):
        _ip(namespace, f"addr add {address}/{prefix} dev eth0 {_now(address)}", f"route add default via {host}")
    _route_to_pods(namespace, [other for other in NODES if other != node])


def unplug(layout: Layout, node: Node) -> None:
    """Takes the cable away: nothing that the node still says is heard. No error when it is gone already."""
    cable = f"to-{node.name}"
    if cable in run("ip", "-netns", layout.host, "-brief", "link"):
        _ip(layout.host, f"link del {cable}")


def delete(namespace: str) -> None:
    """Removes a network namespace with all that is in it. No error when it is gone already."""
    if (NAMESPACES / namespace).exists():
        run("ip", "netns", "del", namespace)


def _forward(namespace: str) -> None:
    # route_localnet: a hostPort answers on the node's own 127.0.0.1 too
    settings = ("ipv4/ip_forward", "ipv4/conf/all/route_localnet", "ipv6/conf/all/forwarding")
    run(*in_network(namespace, "sh", "-ec", "for s in $0; do echo 1 > /proc/sys/net/$s; done", " ".join(settings)))


def _route_to_pods(namespace: str, nodes: list[Node] | tuple[Node, ...]) -> None:
    for node in nodes:
        for subnet, address in zip(node.pod_subnets, node.addresses, strict=True):
            _ip(namespace, f"route add {subnet} via {address}")


def _now(address: str) -> str:
    """IPv6 addresses are usable at once: there is nobody on the bridge to collide with."""
    return "nodad" if ":" in address else ""


def _ip(namespace: str, *commands: str) -> None:
    for command in commands:
        family = ["-6"] if "fd00:" in command else []
        run("ip", *family, "-netns", namespace, *command.split())
