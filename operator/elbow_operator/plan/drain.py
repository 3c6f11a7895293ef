"""How the kubelets of pods that wait for their drain reach the replica that leads: the chart's Service elbow-drain."""

from typing import Any

from elbow_operator.plan.cluster import Replica
from elbow_operator.plan.naming import MANAGER

SERVICE = "elbow-drain"
PORT = 9901


def endpoint_slice(replica: Replica, namespace: str) -> dict[str, Any]:
    """The one endpoint of the Service.

    It goes with the replica's pod, unless the next one has taken it over: nodes are then refused at once, and don't wait for
    an address that is nobody's.
    """
    owner = {"apiVersion": "v1", "kind": "Pod", "name": replica.name, "uid": replica.uid}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": SERVICE,
            "namespace": namespace,
            "labels": {"kubernetes.io/service-name": SERVICE, "endpointslice.kubernetes.io/managed-by": MANAGER},
            "ownerReferences": [owner],
        },
        "addressType": "IPv6" if ":" in replica.address else "IPv4",
        "endpoints": [{"addresses": [replica.address], "conditions": {"ready": True}}],
        "ports": [{"name": "drain", "port": PORT, "protocol": "TCP"}],
    }
