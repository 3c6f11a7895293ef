"""Mistakes of what runs load balancers: the operator, the nodes, a spec that can't be accepted."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from elbow_api.names import NODE_ZONE

from elbow_kubectl.doctor.evidence import Evidence, Surroundings
from elbow_kubectl.doctor.finding import Finding, Mistake, error, listed, note, warning

_PATIENCE = timedelta(seconds=30)
"""A spec is accepted, or refused, within a second."""


def of_operator(around: Surroundings) -> Iterator[Finding]:
    """The operator isn't there, or doesn't run."""
    about = "operator"
    if around.operators is None:
        yield note(
            Mistake.UNREADABLE,
            about,
            "you may not list Deployments in all namespaces, so whether Elbow's operator runs isn't known",
            "ask an administrator for `kubectl get deployment -A -l app.kubernetes.io/name=elbow-operator`",
        )
        return
    if not around.operators:
        yield error(
            Mistake.OPERATOR_MISSING,
            about,
            "no operator is installed; nothing follows changes of load balancers",
            "helm install elbow helm/elbow -n elbow-system --create-namespace",
        )
    for deployment in around.operators:
        metadata = deployment["metadata"]
        if not deployment.get("status", {}).get("readyReplicas"):
            at = f"-n {metadata['namespace']} deployment/{metadata['name']}"
            yield error(
                Mistake.OPERATOR_DOWN,
                about,
                "no replica of it is ready; proxies go on with what they know, and changes of specs wait",
                f"kubectl describe {at}; kubectl logs {at}",
            )


def of_nodes(around: Surroundings) -> Iterator[Finding]:
    """Some nodes have a zone, and some don't."""
    without = [
        n["metadata"]["name"] for n in around.nodes or () if NODE_ZONE not in (n["metadata"].get("labels") or {})
    ]
    if without and len(without) < len(around.nodes or ()):
        yield warning(
            Mistake.NODES_WITHOUT_ZONE,
            "nodes",
            f"{listed(without)} {'has' if len(without) == 1 else 'have'} no zone, while others do",
            f"kubectl label node {without[0]} {NODE_ZONE}=ZONE, or name the zones to use in spec.zones",
        )


def of_spec(seen: Evidence) -> Iterator[Finding]:
    """The spec is refused, or not even looked at."""
    accepted, programmed = seen.condition("Accepted"), seen.condition("Programmed")
    about = "spec"
    if accepted.get("reason") == "NoZones":
        yield error(
            Mistake.SPEC_REFUSED,
            about,
            "no zone it may use has a ready node",
            "kubectl get nodes -L topology.kubernetes.io/zone; and compare with spec.zones",
        )
    elif accepted.get("status") == "False":
        yield error(
            Mistake.SPEC_REFUSED,
            about,
            f"it can't be accepted, and the last good one runs on: {accepted['message']}",
            f"kubectl edit lb {seen.name} -n {seen.namespace}; `kubectl explain lb.spec` is the manual",
        )
    if programmed.get("reason") == "ObjectRefused":
        yield error(
            Mistake.OBJECT_REFUSED,
            about,
            f"the API server refuses what it needs: {programmed['message']}",
            "delete the Services it names: each comes back with the new class, and a new address"
            if "may not change once set" in programmed["message"]
            else "change the field, quota, admission policy or name that the message tells of; it is tried again by itself",
        )
    if _is_behind(seen):
        yield error(
            Mistake.OPERATOR_BEHIND,
            about,
            f"generation {seen.load_balancer['metadata'].get('generation')} isn't looked at yet",
            "see whether the operator runs, and whether the chart's watchNamespaces leaves this namespace out",
        )


def _is_behind(seen: Evidence) -> bool:
    metadata = seen.load_balancer["metadata"]
    if seen.status.get("observedGeneration") == metadata.get("generation"):
        return False
    times = [field.get("time") for field in metadata.get("managedFields") or [] if "subresource" not in field]
    changed = max(filter(None, times), default=metadata.get("creationTimestamp"))
    return changed is None or seen.now - datetime.fromisoformat(changed) > _PATIENCE
