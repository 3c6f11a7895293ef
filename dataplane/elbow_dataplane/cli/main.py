"""The elbow command."""

import logging
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import click
from elbow_api.fault import Refused
from elbow_api.proxy_report import ProxyReport

from elbow_dataplane.cli.place import Unfit
from elbow_dataplane.sources.manifest import line_of

_FILE = click.Path(path_type=Path, dir_okay=False)


class _Address(click.ParamType[str]):
    """An address of this machine."""

    name = "IP"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return str(ip_address(value))
        except ValueError:
            self.fail(f"{value!r} is no IP address, such as 192.0.2.10 or ::1", param, ctx)


class _Commands(click.Group):
    """The agent's commands, and those other packages bring along, looked up only when asked for."""

    def list_commands(self, context: click.Context) -> list[str]:
        return [*super().list_commands(context), *_brought()]

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if (own := super().get_command(context, name)) is not None:
            return own
        brought = _brought().get(name)
        return None if brought is None else brought.load()


def _brought() -> dict[str, Any]:
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group="elbow.commands")}


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="elbow")
def main() -> None:
    """AWS Elastic Load Balancing on your own machines.

    \b
    Examples:
      elbow run lb.yaml                 start a load balancer, and follow the file's changes
      elbow check lb.yaml               say what is wrong with a manifest, and where
      elbow targets                     each target's state, reason, and since when
      elbow status                      listeners, target groups, counts
      elbow demo                        see what it does, with targets and clients of its own
    """


@main.command()
@click.argument("file", type=_FILE)
@click.option("--zone", help="The zone this proxy is in; without it, it serves all zones.")
@click.option(
    "--run-dir", type=click.Path(path_type=Path, file_okay=False), help="Where sockets and configuration are kept."
)
@click.option(
    "--admin",
    default="127.0.0.1:0",
    show_default=True,
    metavar="ADDRESS:PORT",
    help="The admin port; port 0 takes a free one.",
)
@click.option(
    "--address",
    "addresses",
    type=_Address(),
    multiple=True,
    help="An address to listen on; by default all. May be given several times.",
)
@click.option("--threads", type=click.IntRange(1, 64), help="HAProxy's threads; by default one for each CPU.")
@click.option("--max-connections", type=click.IntRange(10, 1_000_000), help="Clients connected at a time.")
@click.option(
    "--secret-file", type=_FILE, help="The secret that signs cookies; copy it to other machines to share sessions."
)
@click.option("--verbose", is_flag=True, help="Say more.")
def run(file: Path, verbose: bool, **options: Any) -> None:
    """Run a load balancer on this machine; edits to FILE apply at once.

    \b
    Examples:
      elbow run lb.yaml
      elbow run lb.yaml --zone zone-a --admin 127.0.0.1:9900
    """
    from elbow_dataplane.cli.run import Options
    from elbow_dataplane.cli.run import run as run_agent

    logging.basicConfig(
        format="%(asctime)s %(levelname)s %(message)s",
        level=logging.DEBUG if verbose else logging.INFO,
        stream=sys.stderr,
    )
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    try:
        run_agent(Options(manifest=file, **options))
    except Refused as refused:
        _complain(file, refused)
    except Unfit as unfit:
        raise click.ClickException(str(unfit)) from None


@main.command()
@click.argument("file", type=_FILE)
def check(file: Path) -> None:
    """Check a manifest: every fault with its line, its field, and the way out.

    \b
    Example:
      elbow check lb.yaml
    """
    from elbow_dataplane.sources.file import FileSource

    try:
        config = FileSource(file).read().config
    except Refused as refused:
        _complain(file, refused)
    else:
        targets = sum(len(group.targets.addresses or []) for group in config.spec.target_groups)
        click.echo(
            f"{file}: good: {_count(len(config.spec.listeners), 'listener')}, "
            f"{_count(len(config.spec.target_groups), 'target group')}, {_count(targets, 'target')}"
        )


@main.command()
@click.argument("file", type=_FILE)
@click.option("--zone", help="The zone to render for.")
@click.option(
    "--run-dir", type=click.Path(path_type=Path, file_okay=False), help="The run directory named in the configuration."
)
@click.option("--address", "addresses", type=_Address(), multiple=True, help="An address to listen on; by default all.")
@click.option("--threads", type=click.IntRange(1, 64), help="HAProxy's threads.")
@click.option("--max-connections", type=click.IntRange(10, 1_000_000), help="Clients connected at a time.")
def render(file: Path, **options: Any) -> None:
    """Print the HAProxy configuration a manifest becomes.

    \b
    Example:
      elbow render lb.yaml
    """
    from elbow_dataplane.cli.render import rendered

    try:
        click.echo(rendered(file, **options), nl=False)
    except Refused as refused:
        _complain(file, refused)
    except Unfit as unfit:
        raise click.ClickException(str(unfit)) from None


_ADMIN = click.option(
    "--admin",
    "admins",
    multiple=True,
    metavar="ADDRESS:PORT",
    help="The admin port of a load balancer; by default all that run on this machine. May be given several times.",
)
_OUTPUT = click.option(
    "-o", "--output", type=click.Choice(["wide", "json"]), help="wide: more columns; json: everything, for programs."
)


@main.command()
@_ADMIN
@_OUTPUT
def status(admins: tuple[str, ...], output: str | None) -> None:
    """Show the load balancers that run: listeners, target groups, counts.

    \b
    Examples:
      elbow status
      elbow status -o json --admin 127.0.0.1:9900
    """
    from elbow_dataplane.cli.status import print_status

    print_status(_reports(admins), output)


@main.command()
@_ADMIN
@_OUTPUT
def targets(admins: tuple[str, ...], output: str | None) -> None:
    """Show each target's state, reason, and since when; the sick ones first.

    \b
    Examples:
      elbow targets
      elbow targets -o wide             with weights and descriptions
      elbow targets -o json | jq '.[] | select(.state != "healthy")'
    """
    from elbow_dataplane.cli.targets import print_targets

    print_targets(_reports(admins), output)


@main.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that completes elbow's commands and options in a shell.

    \b
    How to use it, for new shells:
      bash   elbow completion bash > ~/.local/share/bash-completion/completions/elbow
      zsh    elbow completion zsh > ~/.zfunc/_elbow
             and before compinit in ~/.zshrc: fpath+=(~/.zfunc)
      fish   elbow completion fish > ~/.config/fish/completions/elbow.fish
    \b
    For this shell only:
      eval "$(elbow completion bash)"
    """
    from click.shell_completion import get_completion_class

    if kind := get_completion_class(shell):
        click.echo(kind(main, {}, "elbow", "_ELBOW_COMPLETE").source())


@main.command()
@click.option("--script", is_flag=True, help="Do everything the keys do, in an order that tells a story, and end.")
@click.option(
    "--seconds", type=click.FloatRange(min=1), metavar="N", help="End after so many seconds; a script starts again."
)
def demo(script: bool, seconds: float | None) -> None:
    """Show what a load balancer does: six small targets in three zones, clients, and a live screen.

    Keys break and mend a target, deregister and register one, cut a zone and bring it back. Everything is on
    127.0.0.0/8, and gone at the end. The exit code is 0 if the clients met no error.

    \b
    Examples:
      elbow demo
      elbow demo --script
      elbow demo --script --seconds 20 | cat      lines, without a terminal
    """
    from elbow_dataplane.cli.demo.demo import demo as run_demo

    try:
        raise SystemExit(0 if run_demo(script=script, seconds=seconds) else 1)
    except Unfit as unfit:
        raise click.ClickException(str(unfit)) from None


def _reports(admins: tuple[str, ...]) -> list[ProxyReport]:
    from elbow_dataplane.cli.running import reports

    try:
        good, silent = reports(admins)
    except Unfit as unfit:
        raise click.ClickException(str(unfit)) from None
    for one in silent:
        click.echo(f"{one.where}: {one.why}", err=True)
    return good


@main.command(hidden=True)
@click.option("--load-balancer", default="", help="The load balancer, NAMESPACE/NAME.")
@click.option("--zone", default="", help="The zone the pod is in.")
def proxy(load_balancer: str, zone: str) -> None:
    """Run the agent of a proxy's pod."""
    from elbow_dataplane.cli import proxy as pod

    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO, stream=sys.stderr)
    pod.run(load_balancer, zone)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _complain(file: Path, refused: Refused) -> None:
    text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
    for fault in refused.faults:
        line = line_of(text, fault.path) if fault.path else None
        what = str(fault) if fault.path else fault.message.removeprefix(f"{file}: ")
        click.echo(f"{file}:{f'{line}:' if line else ''} {what}", err=True)
    raise SystemExit(1)
