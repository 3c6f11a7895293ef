"""Where a command works: kubeconfig, context and namespace, named as kubectl names them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from elbow_kubectl.cluster import Cluster

T = TypeVar("T")
Function = Callable[..., Any]


@dataclass(frozen=True)
class Place:
    """What the user said of the cluster and the namespace."""

    namespace: str | None = None
    """None: the context's."""
    context: str | None = None
    kubeconfig: str | None = None
    everywhere: bool = False
    """All namespaces."""

    def within(self, outer: "Place | None") -> "Place":
        """With what was said before the command's name where nothing was said after it."""
        if outer is None:
            return self
        return replace(
            self,
            namespace=self.namespace or outer.namespace,
            context=self.context or outer.context,
            kubeconfig=self.kubeconfig or outer.kubeconfig,
        )

    def run(self, work: Callable[["Cluster"], Awaitable[T]]) -> T:
        """Do the work with the cluster; what goes wrong ends the command with a message that says the way out."""
        with cluster_packages():
            from elbow_kubectl.cluster import session
        try:
            return asyncio.run(session(self, work))
        except KeyboardInterrupt:
            raise click.exceptions.Exit(130) from None


@contextmanager
def cluster_packages() -> Iterator[None]:
    """Says how to install what is imported in it, where it isn't."""
    try:
        yield
    except ModuleNotFoundError as missing:
        raise click.ClickException(
            f"this needs the packages for clusters ({missing.name} is missing): pip install 'elbow[cluster]'"
        ) from None


def place_options(function: Function) -> Function:
    """Add -n, --context and --kubeconfig to a command, which gets them as `place`."""

    @click.option("-n", "--namespace", metavar="NAME", help="The namespace; by default the context's.")
    @click.option("--context", metavar="NAME", help="The kubeconfig's context; by default the current one.")
    @click.option("--kubeconfig", metavar="FILE", help="By default $KUBECONFIG, or ~/.kube/config.")
    @wraps(function)
    def wrapped(*args: Any, namespace: str | None, context: str | None, kubeconfig: str | None, **more: Any) -> Any:
        asked = Place(namespace, context, kubeconfig, everywhere=more.pop("everywhere", False))
        return function(*args, place=asked.within(click.get_current_context().find_object(Place)), **more)

    return wrapped


everywhere_option = click.option("-A", "--all-namespaces", "everywhere", is_flag=True, help="All namespaces.")
"""Goes above place_options, which takes it into `place`."""

output_option = click.option(
    "-o", "--output", type=click.Choice(["wide", "json", "yaml"]), help="json, yaml: for programs; wide: more columns."
)
