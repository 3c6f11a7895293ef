"""What tests in a cluster put there: targets, and a load balancer over them."""

from pathlib import Path
from typing import Any

from elbow_kube.object import Object

_ROOT = Path(__file__).parents[2]
PROGRAM = _ROOT / "examples" / "targets" / "target.py"
LONG = _ROOT / "tests" / "cluster" / "long_target.py"
"""Answers that take long, over both address families."""
_RESTRICTED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def targets(name: str, replicas: int, program: Path = PROGRAM) -> list[Object]:
    """A Deployment of a program, which listens on 8080, and its Service."""
    labels = {"app": name}
    container = {
        "name": "target",
        "image": "localhost/elbow:dev",
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "/app/target.py"],
        "args": ["--http", "0.0.0.0:8080", "--name", "$(POD)"],
        "ports": [{"name": "web", "containerPort": 8080}],
        "env": [{"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "volumeMounts": [{"name": "app", "mountPath": "/app"}],
        "readinessProbe": {
            "httpGet": {"path": "/", "port": 8080},
            "periodSeconds": 1,
            "timeoutSeconds": 10,
            "failureThreshold": 5,
        },
        # What it serves when it is told to end, it serves to the end: its balancer sends nothing new by then.
        "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
        "securityContext": _RESTRICTED,
    }
    spread = {"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule"}
    pod = {
        "terminationGracePeriodSeconds": 10,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "topologySpreadConstraints": [
            {**spread, "labelSelector": {"matchLabels": labels}, "matchLabelKeys": ["pod-template-hash"]}
        ],
        "containers": [container],
        "volumes": [{"name": "app", "configMap": {"name": name}}],
    }
    spec = {
        "replicas": replicas,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    service = {"selector": labels, "ports": [{"name": "http", "port": 80, "targetPort": "web"}]}
    files = {"target.py": program.read_text()}
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": files},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec},
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": service},
    ]


def balancer(group: Object | None = None, *, name: str = "web", **spec: Any) -> Object:
    """A LoadBalancer over the Service web, one proxy a zone, reached by NodePorts; `group` and `spec` change it."""
    whole = {
        "exposure": {"type": "NodePort"},
        "proxy": {"replicas": 1},
        "listeners": [{"name": "http", "protocol": "HTTP", "port": 80, "targetGroup": "web"}],
        "targetGroups": [
            {
                "name": "web",
                "protocol": "HTTP",
                "targets": {"service": {"name": "web", "port": 80}},
                "healthCheck": {"path": "/healthz", "interval": "3s", "timeout": "2s", "unhealthyThreshold": 3},
                "deregistrationDelay": "10s",
                **(group or {}),
            }
        ],
        **spec,
    }
    return {"apiVersion": "elbow.dev/v1alpha1", "kind": "LoadBalancer", "metadata": {"name": name}, "spec": whole}
