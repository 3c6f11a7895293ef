"""The pod of a proxy: HAProxy as a sidecar, and the agent that drives it."""

from typing import Any

from elbow_api.load_balancer import LoadBalancer
from elbow_api.names import ADMIN_PORT, NODE_ZONE
from elbow_api.proxy import ExposureType

from elbow_operator.plan.cluster import Settings
from elbow_operator.plan.naming import labels, name

_USER = 65532
_RUN = "/run/elbow"
_CONFIG, _SECRET, _TOKEN = "/etc/elbow/config", "/etc/elbow/secret", "/var/run/secrets/kubernetes.io/serviceaccount"
_DRAINS = (300, 3600)
"""Seconds of drains that pods are made for: a delay that changes within one of them needs no new pods."""
_SPARE = 60  # seconds beyond that: the endpoints' time to spread, and HAProxy's to end
_COMMAND = ["haproxy", "-W", "-S", f"{_RUN}/master.sock,mode,660,level,admin", "-f", f"{_RUN}/haproxy.cfg"]
_AGENT_RESOURCES = {"requests": {"cpu": "50m", "memory": "96Mi"}, "limits": {"memory": "192Mi"}}
_AGAIN = """\
trap 'kill -TERM "$child"; wait "$child"; exit' TERM USR1
until [ -s /run/elbow/haproxy.cfg ]; do sleep 0.05; done
while
  began=$(date +%s)
  "$@" & child=$!
  wait "$child"; code=$?
  [ $(($(date +%s) - began)) -ge 2 ]
do :; done
exit "$code"
"""
"""Waits for the agent's first configuration, and starts a HAProxy that dies again at once: the kubelet takes a second to notice, and waits longer each time. One that dies
young is left to the kubelet. USR1 is how HAProxy's image wants to be ended, TERM how others do."""
# A container's first process ignores what it has no handler for, and Python needs a second to have one: a pod deleted just
# then would stay for its whole grace. The shell is there in a millisecond, passes the signal on, and waits again, since the
# signal ends its wait before the agent has ended.
_INIT = (
    "sh",
    "-c",
    """\
trap 'told=yes; kill -TERM "$agent" 2>/dev/null' TERM
"$@" & agent=$!
[ -z "$told" ] || kill -TERM "$agent"
while told=; wait "$agent"; end=$?; [ -n "$told" ]; do :; done
exit "$end"
""",
    "sh",
)
_RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def pod_spec(load_balancer: LoadBalancer, zone: str, settings: Settings) -> dict[str, Any]:
    """The pod's spec; it depends on what only a new pod can change."""
    lb = load_balancer.metadata.name
    return {
        "serviceAccountName": name(lb),
        "automountServiceAccountToken": False,  # only the agent gets a token
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": grace(load_balancer),
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
            "sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}],
        },
        **_scheduling(load_balancer, zone),
        "initContainers": [_haproxy(load_balancer, settings)],
        "containers": [_agent(zone, load_balancer, settings)],
        "volumes": _volumes(lb),
    }


def _scheduling(load_balancer: LoadBalancer, zone: str) -> dict[str, Any]:
    """On which nodes it may run: the zone's, as evenly as can be, and what its user says of them."""
    proxy = load_balancer.spec.proxy
    terms = [{"matchExpressions": [_in_zone(zone)]}]
    asked = {
        "nodeSelector": proxy.node_selector,
        "tolerations": proxy.tolerations,
        "priorityClassName": proxy.priority_class_name,
    }
    return {
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}},
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": labels(load_balancer.metadata.name, zone)},
            }
        ],
        **{field: value for field, value in asked.items() if value},
    }


def grace(load_balancer: LoadBalancer) -> int:
    """Seconds a stopping proxy has at most; it ends once it has drained, after the longest deregistration delay at the latest."""
    longest = max(group.deregistration_delay.seconds for group in load_balancer.spec.target_groups)
    return next(drain for drain in _DRAINS if longest <= drain) + _SPARE


def _in_zone(zone: str) -> dict[str, Any]:
    if not zone:
        return {"key": NODE_ZONE, "operator": "DoesNotExist"}
    return {"key": NODE_ZONE, "operator": "In", "values": [zone]}


def _haproxy(load_balancer: LoadBalancer, settings: Settings) -> dict[str, Any]:
    return {
        "name": "haproxy",
        "image": settings.proxy_image,
        "imagePullPolicy": settings.pull_policy,
        "restartPolicy": "Always",
        "command": ["sh", "-c", _AGAIN, "haproxy", *_COMMAND],
        "securityContext": _RESTRICTED,
        "resources": load_balancer.spec.proxy.given.model_dump(exclude_none=True),
        "volumeMounts": [{"name": "run", "mountPath": _RUN}],
    }


def _agent(zone: str, load_balancer: LoadBalancer, settings: Settings) -> dict[str, Any]:
    probe = {"port": "admin", "scheme": "HTTP"}
    return {
        "name": "agent",
        "image": settings.agent_image,
        "imagePullPolicy": settings.pull_policy,
        "command": [
            *_INIT,
            "elbow",
            "proxy",
            f"--load-balancer={load_balancer.metadata.namespace}/{load_balancer.metadata.name}",
            f"--zone={zone}",
        ],
        "env": [*_environment(), {"name": "ELBOW_CONFIG_MAP", "value": name(load_balancer.metadata.name)}],
        # The kubelet maps host ports of main containers alone; the pod has one network, so it maps HAProxy's.
        "ports": [{"name": "admin", "containerPort": ADMIN_PORT, "protocol": "TCP"}, *_host_ports(load_balancer)],
        "readinessProbe": {
            "httpGet": {"path": "/readyz", **probe},
            "periodSeconds": 1,
            "failureThreshold": 3,  # a busy node is no reason to turn clients away
            "timeoutSeconds": 3,
        },
        "livenessProbe": {
            "httpGet": {"path": "/livez", **probe},
            "periodSeconds": 10,
            "failureThreshold": 3,
            "timeoutSeconds": 5,
        },
        "securityContext": _RESTRICTED,
        "resources": _AGENT_RESOURCES,
        "volumeMounts": [
            *_mounts(),
            {"name": "config", "mountPath": _CONFIG, "readOnly": True},
            {"name": "secret", "mountPath": _SECRET, "readOnly": True},
            {"name": "token", "mountPath": _TOKEN, "readOnly": True},
        ],
    }


def _environment() -> list[dict[str, Any]]:
    """What HAProxy can't see by itself: the limits of its container (HAProxy 3.2, nbthread and maxconn)."""

    def limit(variable: str, resource: str, divisor: str) -> dict[str, Any]:
        return {
            "name": variable,
            "valueFrom": {"resourceFieldRef": {"containerName": "haproxy", "resource": resource, "divisor": divisor}},
        }

    return [limit("ELBOW_MEMORY_MIB", "limits.memory", "1Mi"), limit("ELBOW_CPUS", "limits.cpu", "1")]


def _mounts() -> list[dict[str, Any]]:
    return [{"name": "run", "mountPath": _RUN}, {"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108


def _volumes(lb: str) -> list[dict[str, Any]]:
    return [
        {"name": "run", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}},
        {"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}},
        {"name": "config", "configMap": {"name": name(lb)}},
        {"name": "secret", "secret": {"secretName": name(lb), "defaultMode": 0o440}},
        {
            "name": "token",
            "projected": {
                "defaultMode": 0o440,
                "sources": [
                    {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}},
                    {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
                    {
                        "downwardAPI": {
                            "items": [
                                {
                                    "path": "namespace",
                                    "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"},
                                }
                            ]
                        }
                    },
                ],
            },
        },
    ]


def _host_ports(load_balancer: LoadBalancer) -> list[dict[str, Any]]:
    if load_balancer.spec.exposed_by is not ExposureType.HOST_PORT:
        return []
    return [{"containerPort": li.port, "protocol": "TCP", "hostPort": li.port} for li in load_balancer.spec.listeners]
