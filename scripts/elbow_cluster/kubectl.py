"""kubectl, as the cluster's administrator."""

from elbow_cluster.layout import ClusterError, Layout
from elbow_cluster.process import in_network, run


def kubectl(layout: Layout, *arguments: str, stdin: str | None = None) -> str:
    """Runs kubectl and returns what it printed. Raises ClusterError when it fails."""
    credentials = f"--kubeconfig={layout.kubeconfig()}"
    return run(*in_network(layout.host, layout.bin / "kubectl", credentials, *arguments), stdin=stdin)


def answers(layout: Layout, *arguments: str) -> bool:
    """Whether kubectl succeeds."""
    try:
        kubectl(layout, *arguments)
    except ClusterError:
        return False
    return True


def ready_nodes(layout: Layout, since: str = "") -> set[str]:
    """Names of the nodes that are Ready and have said so since that time (RFC 3339, in UTC)."""
    ready = '.status.conditions[?(@.type=="Ready")]'
    template = f"{{range .items[*]}}{{.metadata.name}} {{{ready}.status}} {{{ready}.lastHeartbeatTime}}{{'\\n'}}{{end}}"
    lines = kubectl(layout, "get", "nodes", f"--output=jsonpath={template}").splitlines()
    return {name for name, status, heartbeat in map(str.split, lines) if status == "True" and heartbeat >= since}
