"""Logging in as kubectl does: by kubeconfig and context, with the context's namespace."""

import os
from pathlib import Path

from kubernetes.aio import config
from kubernetes.aio.client import Configuration
from kubernetes.aio.config import ConfigException

from elbow_kube.client import Client
from elbow_kube.login import KubeConfig

_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


class NoLogin(Exception):
    """There is no usable kubeconfig, or no such context in it; the message says the way out."""


async def login(kubeconfig: str | None = None, context: str | None = None) -> tuple[Client, str]:
    """A client, and the namespace used where none is named; raises NoLogin.

    Without a kubeconfig: $KUBECONFIG, ~/.kube/config, or a pod's service account, in kubectl's order.
    """
    configuration = Configuration()
    try:
        if not (kubeconfig or context) and _is_pod():
            config.load_incluster_config(client_configuration=configuration)
            return Client(KubeConfig(configuration)), _pods_namespace()
        _there(kubeconfig)
        loader = await config.load_kube_config(
            config_file=kubeconfig, context=context, client_configuration=configuration, persist_config=False
        )
    except (ConfigException, OSError) as error:
        raise NoLogin(
            f"{error}; name a kubeconfig by --kubeconfig or $KUBECONFIG, and one of its contexts by --context"
        ) from None
    return Client(KubeConfig(configuration)), loader.current_context.get("context", {}).get("namespace") or "default"


def _there(kubeconfig: str | None) -> None:
    named = kubeconfig or os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    if not any(Path(one).expanduser().is_file() for one in named.split(os.pathsep) if one):
        raise ConfigException(f"there is no kubeconfig {named}")


def _is_pod() -> bool:
    there = "KUBECONFIG" in os.environ or (Path.home() / ".kube" / "config").exists()
    return "KUBERNETES_SERVICE_HOST" in os.environ and not there


def _pods_namespace() -> str:
    return _NAMESPACE.read_text().strip() if _NAMESPACE.exists() else "default"
