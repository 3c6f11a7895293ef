"""The commands of `kubectl elb`, which are those of `elbow lb`; each is loaded when it is asked for."""

import sys
from importlib import import_module
from importlib.util import find_spec

import click

from elbow_kubectl.place import Place, place_options

_COMMANDS = {
    "list": "elbow_kubectl.load_balancers:command",
    "describe": "elbow_kubectl.description:command",
    "targets": "elbow_kubectl.targets:command",
    "top": "elbow_kubectl.rates:command",
    "logs": "elbow_kubectl.access_log:command",
    "zonal-shift": "elbow_kubectl.zonal_shift:command",
    "drain": "elbow_kubectl.registration:drain",
    "undrain": "elbow_kubectl.registration:undrain",
    "config": "elbow_kubectl.running_config:command",
    "doctor": "elbow_kubectl.doctor.command:command",
    "usage": "elbow_kubectl.usage:command",
    "prewarm": "elbow_kubectl.prewarm:command",
    "console": "elbow_console.main:console",
}
"""Where each command is: a module, and the click command in it."""


class Commands(click.Group):
    """Finds commands by name, and loads no other."""

    def list_commands(self, _: click.Context) -> list[str]:
        """The commands' names, in the order of the table."""
        return [name for name, at in _COMMANDS.items() if _is_there(at)]

    def get_command(self, _: click.Context, name: str) -> click.Command | None:
        """The command of that name."""
        at = _COMMANDS.get(name)
        if at is None or not _is_there(at):
            return None
        module, __, attribute = at.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command


def _is_there(at: str) -> bool:
    try:
        return find_spec(at.partition(":")[0]) is not None
    except ModuleNotFoundError:
        return False


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="elbow")
@place_options
def group(place: Place) -> None:
    """AWS Elastic Load Balancing in your cluster: see it, steer it, find out what is wrong.

    \b
    Examples:
      kubectl elb list -A               every load balancer
      kubectl elb targets web           each target's state, reason, and since when
      kubectl elb doctor web            the usual mistakes, and the cure of each
    """
    click.get_current_context().obj = place


def main() -> None:
    """Run as kubectl's plugin."""
    group(prog_name="kubectl elb" if sys.argv[0].endswith("kubectl-elb") else None)
