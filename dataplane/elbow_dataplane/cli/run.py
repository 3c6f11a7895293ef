"""`elbow run`: the agent on this machine."""

import asyncio
import gc
import logging
import os
import signal
import socket
from dataclasses import dataclass
from pathlib import Path

from elbow_dataplane.agent.admin import Admin
from elbow_dataplane.agent.agent import Agent
from elbow_dataplane.agent.files import write
from elbow_dataplane.agent.lock import Lock, Taken
from elbow_dataplane.agent.process import GRACE, Process
from elbow_dataplane.cli.place import (
    Unfit,
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
    """Run until interrupted; raises Refused when the manifest can't be accepted at the start, Unfit when nothing can run here."""
    source = FileSource(options.manifest)
    config = source.read().config
    directory = make_run_directory(options.run_dir or run_directory(config.namespace, config.name, options.zone))
    lock = _lock(directory)
    engine = Engine(
        run=directory,
        secret=secret_of(config.namespace, config.name, options.secret_file),
        threads=options.threads or len(os.sched_getaffinity(0)),
        max_connections=most_connections(options.max_connections),
        identity=f"{socket.gethostname()}{directory}",
        addresses=options.addresses or bind_addresses(),
    )
    agent = Agent(engine, options.zone, Process(find_haproxy(), engine))
    gc.freeze()  # what was loaded stays: looking through it again and again would cost more than all the agent does
    with lock:
        asyncio.run(_run(agent, FileSource(options.manifest), options.admin))


def _lock(directory: Path) -> Lock:
    try:
        return Lock(directory)
    except Taken as taken:
        raise Unfit(f"{taken}; stop that one, or give another --run-dir") from None
    except OSError as error:
        raise Unfit(f"{directory}: {error.strerror}; give another --run-dir") from None


async def _run(agent: Agent, source: FileSource, address: str) -> None:
    admin = _open(agent, address)
    log.info("admin port http://%s, run directory %s", admin.address, agent.engine.run)
    asked, again = asyncio.Event(), asyncio.Event()

    def stop() -> None:
        (again if asked.is_set() else asked).set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    try:
        if await _until_asked(agent, source, asked):
            admin.close()
            log.info("stopping: what is served has %d s to end; a second signal ends it at once", GRACE)
            await agent.proxy.stop(again)
            log.info("stopped")
    finally:
        admin.close()


async def _until_asked(agent: Agent, source: FileSource, asked: asyncio.Event) -> bool:
    """Run until asked to stop, which means HAProxy too; an agent that fails raises, and leaves HAProxy running."""
    work = asyncio.ensure_future(agent.run(source.changes()))
    asking = asyncio.ensure_future(asked.wait())
    await asyncio.wait({work, asking}, return_when=asyncio.FIRST_COMPLETED)
    asking.cancel()
    if work.done():
        work.result()
        return False
    work.cancel()
    await asyncio.wait({work})
    return True


def _open(agent: Agent, address: str) -> Admin:
    host, _, port = address.rpartition(":")
    try:
        admin = Admin(agent, host.strip("[]"), int(port))
        write(agent.engine.run / "admin", f"{admin.address}\n".encode())
    except (OSError, ValueError, OverflowError) as error:
        why = error.strerror if isinstance(error, OSError) else "not ADDRESS:PORT"
        raise Unfit(f"admin port {address}: {why}; give another --admin") from None
    return admin
