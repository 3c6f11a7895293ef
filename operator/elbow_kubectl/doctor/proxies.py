"""Mistakes of proxies and of how clients reach them."""

from collections.abc import Iterator

from elbow_api.names import LOAD_BALANCER
from elbow_kube.object import conditions
from elbow_kube.pod import containers, stuck, unscheduled

from elbow_kubectl.doctor.evidence import Evidence
from elbow_kubectl.doctor.finding import Finding, Mistake, error, listed, note, warning
from elbow_kubectl.views import View

_NO_ROOM = "give the zone a node with room, or ask for less: spec.proxy.resources, nodeSelector, tolerations, replicas"
_PORTS_TAKEN = (
    "another load balancer of type HostPort, or a program, has a port of spec.listeners on each of the zone's nodes: "
    "choose other ports, add a node, or set spec.exposure.type to NodePort"
)
_CURES = {
    "ErrImagePull": "push the image where nodes find it, or load it into them; the chart's image.repository, image.tag and proxy.image name it",
    "CrashLoopBackOff": "kubectl logs {pod} -n {namespace} --all-containers --previous",
}
_CURES["ImagePullBackOff"] = _CURES["ErrImagePull"]


def of_proxies(seen: Evidence) -> Iterator[Finding]:
    """Proxies that don't start, die, or don't run what is wanted."""
    programmed = seen.condition("Programmed")
    if not seen.views and programmed.get("reason") == "ProxiesPending":
        cure = f"kubectl describe deployments,replicasets -l {LOAD_BALANCER}={seen.name} -n {seen.namespace}"
        yield error(Mistake.PROXY_NOT_STARTING, "proxies", programmed["message"], cure)
    for view in seen.views:
        yield from _start(seen, view)
        yield from _deaths(seen, view)
        for fault in view.report.get("faults") or []:
            if not fault.startswith(("listener ", "target group ")):  # those are told where they belong
                yield error(Mistake.PROXY_FAULT, f"proxy {view.name}", fault, "the last good configuration runs on")
    yield from _silence(seen)
    yield from _autoscaler(seen)
    replicas = (seen.spec.get("proxy") or {}).get("replicas", 2)
    if replicas == 1:
        yield note(
            Mistake.PROXY_ALONE,
            "spec.proxy.replicas",
            "each zone has one proxy; while it is replaced after a crash the zone's address answers nothing",
            "set spec.proxy.replicas to 2 or more",
        )


def _start(seen: Evidence, view: View) -> Iterator[Finding]:
    about = f"proxy {view.name}"
    if (condition := unscheduled(view.pod)) is not None:
        said = condition.get("message", "")
        cure = _PORTS_TAKEN if "free ports" in said else _NO_ROOM
        yield error(Mistake.PROXY_NOT_STARTING, about, f"no node takes it: {said}", cure)
    for container, waiting in stuck(view.pod):
        reason, image = waiting["reason"], container.get("image", "")
        yield error(
            Mistake.PROXY_NOT_STARTING,
            about,
            f"container {container['name']}: {reason}: {waiting.get('message') or image}",
            _CURES.get(reason, "kubectl describe pod {pod} -n {namespace}").format(
                pod=view.name, namespace=seen.namespace
            ),
        )


def _deaths(seen: Evidence, view: View) -> Iterator[Finding]:
    for container in containers(view.pod):
        if not (count := container.get("restartCount", 0)):
            continue
        last = container.get("lastState", {}).get("terminated", {})
        about = f"proxy {view.name}"
        times = "once" if count == 1 else f"{count} times"
        if last.get("reason") == "OOMKilled":
            yield warning(
                Mistake.PROXY_OUT_OF_MEMORY,
                about,
                f"container {container['name']} ran out of memory and was started again {times}",
                "raise spec.proxy.resources.limits.memory; how many clients fit is computed from it",
            )
        else:
            why = f" (exit code {last['exitCode']})" if "exitCode" in last else ""
            yield note(
                Mistake.PROXY_RESTARTS,
                about,
                f"container {container['name']} was started again {times}{why}",
                f"kubectl logs {view.name} -n {seen.namespace} -c {container['name']} --previous",
            )


def _silence(seen: Evidence) -> Iterator[Finding]:
    running = [view for view in seen.views if view.pod.get("status", {}).get("phase") == "Running"]
    if forbidden := [view for view in running if view.status == 403]:
        yield note(
            Mistake.UNREADABLE,
            "proxies",
            f"you may not ask {listed(view.name for view in forbidden)} (get on pods/proxy), so the status is all that was read",
            "ask for the ClusterRole elbow-view, or edit, in the namespace",
        )
    elif silent := [view for view in running if view.fault]:
        yield warning(
            Mistake.PROXY_SILENT,
            "proxies",
            f"{listed(view.name for view in silent)} can't be asked: {silent[0].fault}",
            "the API server must reach port 9900 of the pods: look for a NetworkPolicy or firewall between them",
        )


def _autoscaler(seen: Evidence) -> Iterator[Finding]:
    for autoscaler in seen.autoscalers or ():
        condition = conditions(autoscaler).get("ScalingActive", {})
        if condition.get("status") == "False" and condition.get("reason") != "ScalingDisabled":
            yield warning(
                Mistake.AUTOSCALER_INACTIVE,
                f"HorizontalPodAutoscaler {autoscaler['metadata']['name']}",
                f"it can't scale: {condition.get('message', '')}",
                "install metrics-server, which tells it the proxies' CPU; spec.proxy.maxReplicas does nothing until then",
            )


def of_exposure(seen: Evidence) -> Iterator[Finding]:
    """No address, or no name."""
    exposure = (seen.spec.get("exposure") or {}).get("type", "LoadBalancer")
    pending = seen.condition("Ready").get("reason") == "AddressPending"
    if pending and exposure == "LoadBalancer" and seen.spec.get("scheme") != "internal":
        yield error(
            Mistake.ADDRESS_PENDING,
            "exposure",
            "the zones' Services of type LoadBalancer get no address: nothing in this cluster hands them out",
            "install MetalLB, or your cloud's controller (spec.exposure.loadBalancerClass chooses one), "
            "or set spec.exposure.type to NodePort or HostPort",
        )
    elif pending:
        yield error(
            Mistake.ADDRESS_PENDING,
            "exposure",
            f"there is no address of type {exposure} yet",
            "addresses are those of nodes with ready proxies: see what is said of the proxies here",
        )
    published = seen.condition("DnsPublished")
    if published.get("status") == "False" and published.get("reason") != "AddressPending":
        yield warning(
            Mistake.DNS_UNPUBLISHED,
            "dnsName",
            published.get("message", ""),
            "see docs/operator.md on external-dns and its CRD",
        )
