"""Mistakes of listeners and target groups: what they name isn't there, or doesn't answer as it should."""

import re
from collections import Counter
from collections.abc import Iterator
from difflib import get_close_matches

from elbow_kube.object import Object, holds
from elbow_kube.service import port_of, ports_told

from elbow_kubectl.doctor.evidence import Evidence, selected
from elbow_kubectl.doctor.finding import Finding, Mistake, error, listed, warning
from elbow_kubectl.targets import Target, told

_CODE = re.compile(r"\[(\d+)\]")


def of_listeners(seen: Evidence) -> Iterator[Finding]:
    """A certificate that isn't there or can't be used."""
    for listener in seen.status.get("listeners") or []:
        for condition in listener.get("conditions") or []:
            if condition["status"] == "False" and condition["reason"] == "CertificateMissing":
                yield error(
                    Mistake.CERTIFICATE_MISSING,
                    f"listener {listener['name']}",
                    condition["message"],
                    f"kubectl create secret tls NAME --cert=chain.pem --key=key.pem -n {seen.namespace}, "
                    "the same namespace as the load balancer's, or mend the Certificate that makes it",
                )


def of_target_groups(seen: Evidence) -> Iterator[Finding]:
    """Groups without targets, or whose targets aren't healthy."""
    targets = told(seen.load_balancer, seen.views)
    used = {listener["targetGroup"] for listener in seen.spec.get("listeners") or []}
    for group in seen.spec.get("targetGroups") or []:
        if group["name"] not in used:
            continue
        own = [target for target in targets if target.group == group["name"]]
        yield from _source(seen, group, own)
        yield from _health(seen, group, own)


def _source(seen: Evidence, group: Object, targets: list[Target]) -> Iterator[Finding]:
    about = f"target group {group['name']}"
    asked = (group.get("targets") or {}).get("service")
    if asked is None:
        if not targets and seen.is_observed and "nodes" in (group.get("targets") or {}):
            yield error(
                Mistake.NO_TARGETS,
                about,
                "its selector chooses no node",
                "kubectl get nodes --show-labels, and compare",
            )
        return
    if seen.services is None:
        return
    service = seen.service(asked["name"])
    if service is None:
        yield _missing(seen, about, asked["name"])
        return
    if service["spec"].get("type") == "ExternalName":
        yield error(
            Mistake.SERVICE_UNFIT,
            about,
            f"Service {asked['name']} is of type ExternalName, which has no endpoints to check and balance",
            "list the addresses: targets: {addresses: [{ip: …, port: …}]}",
        )
    elif port_of(service, asked["port"]) is None:
        yield error(
            Mistake.PORT_MISSING,
            about,
            f"Service {asked['name']} has no port {asked['port']}; it has {ports_told(service)}",
            f"set spec.targetGroups[{group['name']}].targets.service.port to one of them",
        )
    else:
        yield from _pods(seen, about, service, targets)


def _missing(seen: Evidence, about: str, name: str) -> Finding:
    names = [service["metadata"]["name"] for service in seen.services or ()]
    own = [name for name in names if not name.startswith("elb-")]
    near = get_close_matches(name, own, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return error(
        Mistake.SERVICE_MISSING,
        about,
        f"Service {name} doesn't exist in namespace {seen.namespace}",
        f"{hint}A load balancer uses Services of its own namespace alone: kubectl get services -n {seen.namespace}",
    )


def _pods(seen: Evidence, about: str, service: Object, targets: list[Target]) -> Iterator[Finding]:
    name = service["metadata"]["name"]
    if not service["spec"].get("selector"):
        if not targets and seen.is_observed:
            yield error(
                Mistake.NO_TARGETS,
                about,
                f"Service {name} has no selector, and no EndpointSlice gives it endpoints",
                "give it a selector, or list the addresses: targets: {addresses: [{ip: …, port: …}]}",
            )
        return
    if seen.pods is None:
        return
    pods = seen.pods_of(service)
    labels = ",".join(f"{key}={value}" for key, value in service["spec"]["selector"].items())
    waiting = [pod["metadata"]["name"] for pod in pods if not holds(pod, "Ready")]
    if not pods:
        yield error(
            Mistake.NO_TARGETS,
            about,
            f"Service {name} selects no pod ({labels})",
            f"kubectl get pods --show-labels -n {seen.namespace}, and make labels and selector agree, or scale up",
        )
    elif waiting and len(waiting) == len(pods):
        yield error(
            Mistake.PODS_NOT_READY,
            about,
            f"none of the {len(pods)} pods of Service {name} is ready ({listed(waiting)}), so none is a target",
            f"kubectl describe pod {waiting[0]} -n {seen.namespace}: the readiness probe, or what keeps it from starting",
        )
    elif not targets and seen.is_observed:
        yield error(
            Mistake.NO_TARGETS,
            about,
            f"Service {name} has ready pods, but no port of theirs is its targetPort",
            f"kubectl get endpointslices -l kubernetes.io/service-name={name} -n {seen.namespace}, and compare "
            "the Service's targetPort with the names of the containers' ports",
        )


def _health(seen: Evidence, group: Object, targets: list[Target]) -> Iterator[Finding]:
    sick = [target for target in targets if target.state in ("unhealthy", "unhealthy.draining")]
    if not sick:
        return
    able = [target for target in targets if target.state == "healthy"]
    about = f"target group {group['name']}"
    if not able:
        opens = group.get("failOpen", True)
        yield error(
            Mistake.NO_HEALTHY_TARGETS,
            about,
            "none of its targets is healthy; "
            + ("it fails open: requests go to all of them" if opens else "clients get 503"),
            "see the other findings of this group",
        )
    for reason, count in Counter(target.reason for target in sick).most_common():
        some = [target for target in sick if target.reason == reason]
        yield _why(seen, group, reason, f"{count} of {len(targets)} targets ({listed(t.endpoint for t in some)})", some)


def _why(seen: Evidence, group: Object, reason: str | None, who: str, sick: list[Target]) -> Finding:
    about, check = f"target group {group['name']}", f"spec.targetGroups[{group['name']}].healthCheck"
    if reason == "Target.ResponseCodeMismatch":
        return _mismatch(group, about, check, who, sick)
    if blocking := _policy(seen, group):
        return error(
            Mistake.NETWORK_POLICY,
            about,
            f"{who} don't answer, and NetworkPolicy {blocking} selects pods of Service {group['targets']['service']['name']}",
            "let the proxies in: ingress from podSelector {matchLabels: {app.kubernetes.io/name: elbow-proxy}}",
        )
    if reason == "Target.Timeout":
        limit = (group.get("healthCheck") or {}).get("timeout", "its timeout")
        return error(
            Mistake.CHECKS_TIME_OUT,
            about,
            f"{who} don't answer the check within {limit}",
            f"look for a firewall between zones, a wrong {check}.port, or raise {check}.timeout for a slow page",
        )
    return error(
        Mistake.CHECKS_FAIL,
        about,
        f"{who} refuse the check's connection, or break it off",
        "the program must listen on 0.0.0.0, not 127.0.0.1, and on the Service's targetPort; "
        f"and the group's protocol ({group['protocol']}) must be what it speaks there",
    )


def _mismatch(group: Object, about: str, check: str, who: str, sick: list[Target]) -> Finding:
    asked = group.get("healthCheck") or {}
    codes = sorted({found[1] for target in sick if (found := _CODE.search(target.description or ""))})
    cure = _CODES.get(codes[0] if len(codes) == 1 else "", "set {check}.path to a page that answers 200")
    return error(
        Mistake.CODE_MISMATCH,
        about,
        f"{who} answer the check of {asked.get('path', '/')} with {', '.join(codes)}, not {asked.get('matcher', '200')}",
        f"{cure.format(check=check)}; or allow it by {check}.matcher",
    )


_CODES = {
    "301": "it redirects: set {check}.path to the page it leads to, or {check}.protocol to HTTPS",
    "302": "it redirects, often to a login: set {check}.path to a page that needs none",
    "400": "it may want a name, or TLS: set {check}.host, or {check}.protocol to HTTPS",
    "401": "the page needs a login: set {check}.path to one that doesn't",
    "403": "the page is forbidden: set {check}.path to one that isn't, or {check}.host to the name it expects",
    "404": "there is no such page: set {check}.path to one that answers 200",
    "421": "it expects another name: set {check}.host",
    "0": "it speaks no gRPC health service there: set {check}.path, or {check}.protocol to HTTP",
}
"""The usual cause of an answer, and the cure."""


def _policy(seen: Evidence, group: Object) -> str | None:
    """A NetworkPolicy that selects pods of the group and may keep proxies out."""
    asked = (group.get("targets") or {}).get("service")
    service = seen.service(asked["name"]) if asked else None
    pods = seen.pods_of(service) if service else []
    for policy in seen.policies or ():
        if _restricts(policy["spec"]) and _chosen(policy["spec"].get("podSelector") or {}, pods):
            return str(policy["metadata"]["name"])
    return None


def _restricts(spec: Object) -> bool:
    """Whether a policy is about what comes in, and names who may."""
    opens = any(not rule.get("from") and not rule.get("ports") for rule in spec.get("ingress") or [])
    return "Ingress" in (spec.get("policyTypes") or ["Ingress"]) and not opens


def _chosen(selector: Object, pods: list[Object]) -> bool:
    labels = selector.get("matchLabels")
    return bool(pods) and (not labels or bool(selected(labels, pods)))


def of_spillover(seen: Evidence) -> Iterator[Finding]:
    """Requests that found the surge queue full."""
    counts: Counter[str] = Counter()
    for view in seen.views:
        for group in view.report.get("targetGroups") or []:
            counts[group["name"]] += group.get("spillover", 0)
    for name, count in counts.items():
        if count:
            yield warning(
                Mistake.SPILLOVER,
                f"target group {name}",
                f"{count} requests found the surge queue full and were refused",
                f"more targets, or more of spec.targetGroups[{name}].maxConnectionsPerTarget or surgeQueue.length",
            )
