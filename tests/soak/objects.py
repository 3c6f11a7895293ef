"""What a scenario begins with: the objects of its namespace."""

from collections.abc import Mapping

from elbow_kube.object import Object
from harness.kube import ROOT

ZONES = {"zone-a": "a2", "zone-b": "b1", "zone-c": "c1"}
"""Each zone and the node its clients are on."""
GOOD = {f"client-{zone}": node for zone, node in ZONES.items()}
"""The pods of clients that behave, and the node of each."""
BAD = {"bad-client": "b1"}
"""Bad clients have an address of their own: proxies tell clients apart by it, and few share theirs with an attacker."""
_IMAGE = "localhost/elbow:dev"
_RESTRICTED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
_POD_SECURITY = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
_LEVEL = {"enforce": "restricted", "enforce-version": "v1.33"}


def balancer_spec() -> Object:
    """The spec every scenario begins with."""
    check = {"path": "/healthz", "interval": "6s", "timeout": "5s"}
    web = {"protocol": "HTTP", "deregistrationDelay": "30s", "healthCheck": check}
    service = {"service": {"name": "soak", "port": 80}}
    return {
        "exposure": {"type": "NodePort"},
        "proxy": {"replicas": 2, "resources": {"requests": {"cpu": "50m"}, "limits": {"memory": "256Mi"}}},
        "listeners": [
            {"name": "http", "protocol": "HTTP", "port": 80, "targetGroup": "web"},
            {"name": "sticky", "protocol": "HTTP", "port": 81, "targetGroup": "sticky"},
            {
                "name": "https",
                "protocol": "HTTPS",
                "port": 443,
                "targetGroup": "web",
                "tls": {"certificates": [{"secretName": "soak"}]},
            },
            {"name": "tcp", "protocol": "TCP", "port": 9000, "targetGroup": "tcp"},
        ],
        "targetGroups": [
            {**web, "name": "web", "targets": service},
            {**web, "name": "sticky", "targets": service, "stickiness": {"type": "lb_cookie", "duration": "1h"}},
            {
                "name": "tcp",
                "protocol": "TCP",
                "targets": {"service": {"name": "soak", "port": 9000}},
                "deregistrationDelay": "30s",
                "healthCheck": {"interval": "6s", "timeout": "5s"},
            },
        ],
    }


def targets(
    *, replicas: int, stop: str, warm: int, pre_stop: int, grace: int, labels: Mapping[str, str]
) -> list[Object]:
    """The objects of the target program."""
    program = (ROOT / "tests" / "soak" / "target.py").read_text()
    probe = {"httpGet": {"path": "/readyz", "port": 8080}, "periodSeconds": 1, "timeoutSeconds": 5}
    container = {
        "name": "target",
        "image": _IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "/app/target.py", "--name=$(POD)", f"--stop={stop}", f"--warm={warm}"],
        "env": [{"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "volumeMounts": [{"name": "app", "mountPath": "/app"}],
        "readinessProbe": probe,
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
        "securityContext": _RESTRICTED,
    }
    if pre_stop:
        container["lifecycle"] = {"preStop": {"sleep": {"seconds": pre_stop}}}
    mine = {"app": "soak"}
    spread = {"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "ScheduleAnyway"}
    pod = {
        "terminationGracePeriodSeconds": grace,
        "securityContext": _POD_SECURITY,
        "topologySpreadConstraints": [
            {**spread, "labelSelector": {"matchLabels": mine}, "matchLabelKeys": ["pod-template-hash"]}
        ],
        "containers": [container],
        "volumes": [{"name": "app", "configMap": {"name": "target"}}],
    }
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "target"}, "data": {"target.py": program}},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "soak"},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": mine},
                "template": {"metadata": {"labels": {**mine, **labels}}, "spec": pod},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "soak"},
            "spec": {
                "selector": mine,
                "ports": [{"name": "http", "port": 80, "targetPort": 8080}, {"name": "tcp", "port": 9000}],
            },
        },
    ]


def client_pods() -> list[Object]:
    """A pod in each zone, for its network, and one for bad clients."""
    command = ["python3", "-c", "import signal; signal.signal(15, lambda *_: exit()); signal.pause()"]
    container = {"name": "client", "image": _IMAGE, "command": command, "securityContext": _RESTRICTED}
    return [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": {"app": "client"}},
            "spec": {"nodeName": node, "securityContext": _POD_SECURITY, "containers": [container]},
        }
        for name, node in (GOOD | BAD).items()
    ]


def namespace(name: str) -> Object:
    """The namespace they are in."""
    # Of the version before it forbade a preStop that names a host: elbow.dev/drain: acknowledged is one.
    labels = {f"pod-security.kubernetes.io/{what}": value for what, value in _LEVEL.items()}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
