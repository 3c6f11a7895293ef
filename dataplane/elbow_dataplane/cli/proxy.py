"""`elbow proxy`: the agent in a proxy's pod, beside HAProxy's container."""

import asyncio
import logging
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from elbow_dataplane.agent.admin import Admin
from elbow_dataplane.agent.agent import Agent
from elbow_dataplane.agent.files import write
from elbow_dataplane.haproxy.engine import Engine
from elbow_dataplane.haproxy.render import errors
from elbow_dataplane.haproxy.render.config import first_config
from elbow_dataplane.haproxy.runtime import Runtime
from elbow_dataplane.haproxy.socket import Unreachable

log = logging.getLogger("elbow")

_RUN, _CONFIG, _SECRET = Path("/run/elbow"), Path("/etc/elbow/config"), Path("/etc/elbow/secret/secret")
_ADMIN_PORT = 9900
_SPARE_MIB = 60
_KIB_PER_CONNECTION = 100
"""With TLS, and with the worker of a reload beside it (measured: 25 to 50 KiB each)."""
_SPREAD = 8.0
"""Seconds the cluster needs to stop sending here once the pod isn't ready."""


def engine() -> Engine:
    """HAProxy as its container is limited."""
    memory, cpus = int(os.environ.get("ELBOW_MEMORY_MIB", "256")), int(os.environ.get("ELBOW_CPUS", "1"))
    return Engine(
        run=_RUN,
        secret=_SECRET.read_bytes().strip() if _SECRET.exists() else b"",
        threads=max(1, min(64, cpus)),
        max_connections=max(100, min(100_000, (memory - _SPARE_MIB) * 1024 // _KIB_PER_CONNECTION)),
        identity=os.environ.get("HOSTNAME", ""),
        addresses=_addresses(),
    )


def write_first_config() -> None:
    """What HAProxy starts on, before an agent knows what to serve: sockets and no listener."""
    where = engine()
    for directory in (where.certificates, where.run / "errors"):
        directory.mkdir(parents=True, exist_ok=True)
    for name, content in errors.files().items():
        write(where.run / name, content)
    write(where.config_file, first_config(where).encode())


def run(load_balancer: str, zone: str) -> None:
    """Serve until the pod is stopped, then drain."""
    namespace, _, name = load_balancer.partition("/")
    config_map = os.environ.get("ELBOW_CONFIG_MAP", f"elb-{name}")
    asyncio.run(_run(Agent(engine(), zone or None, None), namespace, config_map))


async def _run(agent: Agent, namespace: str, config_map: str) -> None:
    # HAProxy waits for the first configuration, which needs none of this: half a second of loading.
    from elbow_kube.client import connect  # noqa: PLC0415

    from elbow_dataplane.sources.kubernetes import KubernetesSource  # noqa: PLC0415

    client = await connect()
    door = Admin(agent, "0.0.0.0", _ADMIN_PORT)
    source = KubernetesSource(client, namespace, config_map, _CONFIG)
    work = asyncio.ensure_future(agent.run(source.changes()))
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            work.result()
        door.drain()
        log.info("stopping: not ready, still serving for %.0f s", _SPREAD)
        await asyncio.sleep(_SPREAD)
        work.cancel()
        await asyncio.wait({work})
        await _finish(agent.engine)
    finally:
        door.close()
        await client.close()


async def _finish(where: Engine) -> None:
    """No listeners any more: clients are told to go, and what is served goes on until it is done; the kubelet sets the deadline."""
    runtime = Runtime(where)
    write(where.config_file, first_config(where).encode())
    began = time.monotonic()
    with suppress(Unreachable):
        await runtime.reload()
        while True:
            if not (await runtime.workers()).old:
                break
            await asyncio.sleep(0.2)
    log.info("drained in %.1f s", time.monotonic() - began)


def _addresses() -> tuple[str, ...]:
    return ("*", "::") if Path("/proc/net/if_inet6").exists() and Path("/proc/net/if_inet6").read_text() else ("*",)
