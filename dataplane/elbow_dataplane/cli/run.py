"""`elbow run`: the agent on this machine."""

import asyncio
import logging
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from elbow_dataplane.agent.admin import Admin
from elbow_dataplane.agent.agent import Agent
from elbow_dataplane.agent.files import write
from elbow_dataplane.agent.process import Process
from elbow_dataplane.cli.place import (
    bind_addresses,
    find_haproxy,
    make_run_directory,
    most_connections,
    run_directory,
    secret_of,
)
from elbow_dataplane.haproxy.engine import Engine
from elbow_dataplane.sources.file import FileSource

log = logging.getLogger("elbow")


@dataclass(frozen=True)
class Options:
    """How `elbow run` was called."""

    manifest: Path
    zone: str | None
    run_dir: Path | None
    admin: str
    addresses: tuple[str, ...]
    threads: int | None
    max_connections: int | None
    secret_file: Path | None


def run(options: Options) -> None:
    """Run until interrupted; raises Refused when the manifest can't be accepted at the start."""
    source = FileSource(options.manifest)
    config = source.read().config
    directory = make_run_directory(options.run_dir or run_directory(config.namespace, config.name, options.zone))
    engine = Engine(
        run=directory,
        secret=secret_of(config.namespace, config.name, options.secret_file),
        threads=options.threads or len(os.sched_getaffinity(0)),
        max_connections=options.max_connections or most_connections(),
        addresses=options.addresses or bind_addresses(),
    )
    agent = Agent(engine, options.zone, Process(find_haproxy(), engine))
    with suppress(asyncio.CancelledError):
        asyncio.run(_run(agent, FileSource(options.manifest), options.admin))


async def _run(agent: Agent, source: FileSource, admin: str) -> None:
    host, _, port = admin.rpartition(":")
    door = Admin(agent, host.strip("[]"), int(port))
    write(agent.engine.run / "admin", f"{door.address}\n".encode())
    log.info("admin port http://%s, run directory %s", door.address, agent.engine.run)
    work = asyncio.ensure_future(agent.run(source.changes()))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, work.cancel)
    try:
        await work
    except asyncio.CancelledError:  # whoever asked to stop means HAProxy too; an agent that fails leaves it running
        log.info("stopping HAProxy")
        if agent.process is not None:
            await agent.process.stop()
    finally:
        door.close()
