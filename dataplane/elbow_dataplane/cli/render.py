"""`elbow render`: the configuration without running it."""

from pathlib import Path

from elbow_dataplane.cli.place import bind_addresses, run_directory
from elbow_dataplane.haproxy.engine import Engine
from elbow_dataplane.haproxy.render.config import render, skeleton
from elbow_dataplane.model.registration import Registration, register
from elbow_dataplane.model.wanted import plan
from elbow_dataplane.sources.file import FileSource

_SHOWN_SECRET = b"the secret is not shown"


def rendered(
    file: Path,
    *,
    zone: str | None,
    run_dir: Path | None,
    addresses: tuple[str, ...],
    threads: int | None,
    max_connections: int | None,
) -> str:
    """The configuration file for a manifest, as it is before the first health check."""
    desired = FileSource(file).read()
    config = desired.config
    engine = Engine(
        run=run_dir or run_directory(config.namespace, config.name, zone),
        secret=_SHOWN_SECRET,
        threads=threads or 2,
        max_connections=max_connections or 10_000,
        addresses=addresses or bind_addresses(),
    )
    registration = register(Registration(), config, zone, desired.registered, 0.0)
    wanted = plan(config, zone, engine.secret, registration.targets, {}, {})
    return render(skeleton(config, engine), wanted, engine)
