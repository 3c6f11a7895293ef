"""Completion: `kubectl elb <TAB>` through kubectl's own, and names of load balancers for every shell."""

import asyncio
import sys
from collections.abc import Iterable, Iterator, Sequence

import click
from click.shell_completion import CompletionItem, ShellComplete

from elbow_kubectl.place import Place

_LIMIT = 3.0
"""Seconds the API server has to name load balancers: nobody waits longer for a completion."""
_FILES, _NO_FILES = 0, 4
"""What kubectl's shells do where nothing is proposed (cobra: ShellCompDirective)."""


def load_balancer_names(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The names of load balancers where the words typed so far look; none where that can't be known."""
    place = Place(_typed(context, "namespace"), _typed(context, "context"), _typed(context, "kubeconfig"))
    try:
        names = asyncio.run(asyncio.wait_for(_names(place), _LIMIT))
    except (click.ClickException, OSError, ImportError):  # what is wrong is for the command itself to say
        return []
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def _typed(context: click.Context | None, name: str) -> str | None:
    """An option's value, of this command or one before it."""
    while context is not None:
        if (value := context.params.get(name)) is not None:
            return str(value)
        context = context.parent
    return None


async def _names(place: Place) -> list[str]:
    from elbow_kubectl.cluster import session

    return [lb["metadata"]["name"] for lb in await session(place, lambda cluster: cluster.load_balancers())]


def proposals(group: click.Command, words: Sequence[str]) -> Iterator[str]:
    """What kubectl's shells want: a proposal a line, with its description after a tab, and how to go on at the end.

    `words` are those after `kubectl elb`; the last is the one being typed, empty after a space.
    """
    *before, incomplete = words or [""]
    found = ShellComplete(group, {}, "kubectl elb", "").get_completions(list(before), incomplete)
    yield from _lines(found)
    yield f":{_FILES if any(item.type != 'plain' for item in found) else _NO_FILES}"


def _lines(found: Iterable[CompletionItem]) -> Iterator[str]:
    for item in found:
        if item.type == "plain":
            yield f"{item.value}\t{item.help}" if item.help else str(item.value)


def main() -> None:
    """Run as `kubectl_complete-elb`, which kubectl looks for beside its plugin."""
    from elbow_kubectl.main import group

    for line in proposals(group, sys.argv[1:]):
        click.echo(line)
