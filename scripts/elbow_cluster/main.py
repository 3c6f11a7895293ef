"""The command line."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from elbow_cluster import cluster, requirements
from elbow_cluster.layout import NODES, ClusterError, Layout, node_named

DESCRIPTION = f"""A Kubernetes cluster on this machine, without Docker: nodes {", ".join(n.name for n in NODES)} in zone-a,
zone-b and zone-c, each made of namespaces. Nothing touches the machine's own network, and nothing routes
from there: reach the cluster with exec. See docs/cluster.md."""


def parser_of_arguments() -> argparse.ArgumentParser:
    """The commands and what they take."""
    parser = argparse.ArgumentParser(prog="scripts/cluster", description=DESCRIPTION)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("check", help="say whether this machine can have the cluster, and if not, why")
    commands.add_parser("up", help="start the cluster (needs scripts/cluster-programs once)")
    commands.add_parser("down", help="remove it without a trace")
    commands.add_parser("status", help="show nodes and pods")
    load = commands.add_parser("load", help="load image archives (docker-archive or oci-archive) into every node")
    load.add_argument("archive", nargs="+", type=Path)
    execute = commands.add_parser("exec", help="run a command next to the cluster: kubectl, helm, curl, pytest, ...")
    execute.add_argument("argv", nargs=argparse.REMAINDER)
    for name, text in (("kill-node", "pull the plug of a node"), ("start-node", "start a killed node again")):
        commands.add_parser(name, help=text).add_argument("node")
    commands.add_parser("stop-api", help="kill the API server; what runs goes on")
    commands.add_parser("start-api", help="start the API server again")
    return parser


_PLAIN: dict[str, Callable[[Layout], None]] = {
    "check": requirements.check_machine,
    "up": cluster.up,
    "down": cluster.down,
    "status": cluster.status,
    "stop-api": cluster.stop_api,
    "start-api": cluster.start_api,
}


def _carry_out(given: argparse.Namespace, layout: Layout) -> None:
    match given.command:
        case "load":
            cluster.load(layout, given.archive)
        case "exec":
            cluster.execute(layout, given.argv)
        case "kill-node":
            cluster.kill_node(layout, node_named(given.node))
        case "start-node":
            cluster.start_node(layout, node_named(given.node))
        case plain:
            _PLAIN[plain](layout)


def main() -> None:
    """Carries out one command; exits with a message when it can't."""
    given = parser_of_arguments().parse_args()
    try:
        _carry_out(given, Layout.from_environment())
    except ClusterError as error:
        sys.exit(f"cluster: {error}")
