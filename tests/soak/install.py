"""Elbow in the cluster, by helm, as a user has it."""

from harness.kube import ROOT, run

_OPERATOR = ("kubectl", "-n", "elbow-system")


def install(*more: str) -> None:
    """`helm upgrade --install`, with more arguments if wanted."""
    image = ("--set", "image.repository=localhost/elbow", "--set", "image.tag=dev")
    space = ("--namespace", "elbow-system", "--create-namespace")
    chart = str(ROOT / "helm" / "elbow")
    run("helm", "upgrade", "--install", "elbow", chart, *space, *image, *more, "--wait", "--timeout", "3m", limit=240)


def restart() -> None:
    """The operator of the newest image."""
    run(*_OPERATOR, "rollout", "restart", "deployment/elbow-operator")
    run(*_OPERATOR, "rollout", "status", "deployment/elbow-operator", "--timeout=150s")
