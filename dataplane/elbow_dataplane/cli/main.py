"""The elbow command."""

import logging
import sys
from pathlib import Path

import click

from elbow_api.fault import Refused
from elbow_dataplane.cli.place import Unfit
from elbow_dataplane.sources.manifest import line_of

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="elbow")
def main() -> None:
    """AWS Elastic Load Balancing on your own machines.

    \b
    Examples:
      elbow run lb.yaml                 start a load balancer, and follow the file's changes
      elbow check lb.yaml               say what is wrong with a manifest, and where
      elbow targets                     each target's state, reason, and since when
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
    "--address", "addresses", multiple=True, help="An address to listen on; by default all. May be given several times."
)
@click.option("--threads", type=click.IntRange(1, 64), help="HAProxy's threads; by default one for each CPU.")
@click.option("--max-connections", type=click.IntRange(10, 1_000_000), help="Clients connected at a time.")
@click.option(
    "--secret-file", type=_FILE, help="The secret that signs cookies; copy it to other machines to share sessions."
)
@click.option("--verbose", is_flag=True, help="Say more.")
def run(file: Path, verbose: bool, **options: object) -> None:
    """Run a load balancer on this machine; edits to FILE apply at once.

    \b
    Examples:
      elbow run lb.yaml
      elbow run lb.yaml --zone zone-a --admin 127.0.0.1:9900
    """
    from elbow_dataplane.cli.run import Options  # noqa: PLC0415  (commands load what they need)
    from elbow_dataplane.cli.run import run as run_agent  # noqa: PLC0415

    logging.basicConfig(
        format="%(asctime)s %(levelname)s %(message)s",
        level=logging.DEBUG if verbose else logging.INFO,
        stream=sys.stderr,
    )
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    try:
        run_agent(Options(manifest=file, **options))  # type: ignore[arg-type]
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
    from elbow_dataplane.sources.file import FileSource  # noqa: PLC0415

    try:
        config = FileSource(file).read().config
    except Refused as refused:
        _complain(file, refused)
    else:
        targets = sum(len(group.targets.addresses) for group in config.spec.target_groups)
        click.echo(
            f"{file}: good: {len(config.spec.listeners)} listeners, {len(config.spec.target_groups)} target groups, {targets} targets"
        )


@main.command()
@click.argument("file", type=_FILE)
@click.option("--zone", help="The zone to render for.")
@click.option(
    "--run-dir", type=click.Path(path_type=Path, file_okay=False), help="The run directory named in the configuration."
)
@click.option("--address", "addresses", multiple=True, help="An address to listen on; by default all.")
@click.option("--threads", type=click.IntRange(1, 64), help="HAProxy's threads.")
@click.option("--max-connections", type=click.IntRange(10, 1_000_000), help="Clients connected at a time.")
def render(file: Path, **options: object) -> None:
    """Print the HAProxy configuration a manifest becomes.

    \b
    Example:
      elbow render lb.yaml
    """
    from elbow_dataplane.cli.render import rendered  # noqa: PLC0415

    try:
        click.echo(rendered(file, **options), nl=False)  # type: ignore[arg-type]
    except Refused as refused:
        _complain(file, refused)
    except Unfit as unfit:
        raise click.ClickException(str(unfit)) from None


def _complain(file: Path, refused: Refused) -> None:
    text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
    for fault in refused.faults:
        line = line_of(text, fault.path) if fault.path else None
        click.echo(f"{file}:{f'{line}:' if line else ''} {fault}", err=True)
    raise SystemExit(1)
