"""`elbow proxy`: the agent in a proxy's pod, beside HAProxy's container."""

import asyncio
import gc
import logging
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from elbow_api.names import ADMIN_PORT
from elbow_api.proxy_capacity import most_connections

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
_LAST_WORDS = 15.0
"""Seconds an operator has to fetch what was counted last: another one leads by then where the leader died."""
_SPREAD = 8.0
"""Seconds the cluster needs to stop sending here once the pod isn't ready."""


def engine() -> Engine:
    """HAProxy as its container is limited."""
    memory, cpus = int(os.environ.get("ELBOW_MEMORY_MIB", "256")), int(os.environ.get("ELBOW_CPUS", "1"))
    return Engine(
        run=_RUN,
        secret=_SECRET.read_bytes().strip() if _SECRET.exists() else b"",
        threads=max(1, min(64, cpus)),
        max_connections=most_connections(memory),
        identity=os.environ.get("HOSTNAME", ""),
        addresses=_addresses(),
    )


def _write_first_config(where: Engine) -> None:
    """What HAProxy, which waits for it, starts on while the agent learns what to serve: sockets and no listener."""
    if where.config_file.exists():  # of the agent before this one
        return
    for directory in (where.certificates, where.run / "errors"):
        directory.mkdir(parents=True, exist_ok=True)
    for name, content in errors.files().items():
        write(where.run / name, content)
    write(where.config_file, first_config(where).encode())


def run(load_balancer: str, zone: str) -> None:
    """Serve until the pod is stopped, then drain."""
    namespace, _, name = load_balancer.partition("/")
    config_map = os.environ.get("ELBOW_CONFIG_MAP", f"elb-{name}")
    where = engine()
    _write_first_config(where)
    asyncio.run(_run(Agent(where, zone or None, None), namespace, config_map))


async def _run(agent: Agent, namespace: str, config_map: str) -> None:
    # HAProxy starts meanwhile: half a second of loading.
    from elbow_kube.client import connect

    from elbow_dataplane.sources.kubernetes import KubernetesSource

    client = await connect()
    admin = Admin(agent, "0.0.0.0", ADMIN_PORT)
    source = KubernetesSource(client, namespace, config_map, _CONFIG)
    runtime = Runtime(agent.engine)
    with suppress(Unreachable):  # an agent before this one may have been ended while it drained
        await runtime.drain(on=False)
    gc.freeze()  # as `elbow run` does
    work = asyncio.ensure_future(agent.run(source.changes()))
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            work.result()
        admin.drain()
        log.info("stopping: not ready, still serving for %.0f s", _SPREAD)
        await _until_spread(runtime)
        work.cancel()
        await asyncio.wait({work})
        await _finish(agent, _patience(agent))
        await asyncio.to_thread(admin.tell_last, _LAST_WORDS)
    finally:
        admin.close()
        await client.close()


async def _until_spread(runtime: Runtime) -> None:
    """Serve on until nobody is sent here any more; whoever is served is told to go elsewhere next, also after a reload."""
    end = time.monotonic() + _SPREAD
    while time.monotonic() < end:
        with suppress(Unreachable):
            await runtime.drain(on=True)
        await asyncio.sleep(0.5)


def _patience(agent: Agent) -> float:
    """Seconds that what is served may still take: the longest deregistration delay."""
    known = agent.view.known
    groups = known.desired.config.spec.target_groups if known else []
    return max((group.deregistration_delay.seconds for group in groups), default=0.0)


async def _finish(agent: Agent, patience: float) -> None:
    """No listeners any more: clients of HTTP/2 are told to go, and what is served goes on until it is done or its time is over.

    What is left then ends with HAProxy, which the kubelet stops after this agent.
    """
    proxy, known = agent.proxy, agent.view.known
    began = time.monotonic()
    with suppress(Unreachable):
        await proxy.retire()
        while (await proxy.runtime.workers()).old:
            if known is not None:
                with suppress(Unreachable, OSError):  # what can't be counted is served all the same
                    await proxy.count(known)
                    agent.show_rest()
            if time.monotonic() > began + patience:
                break
            await asyncio.sleep(0.2)
    proxy.let_go()
    log.info("drained in %.1f s", time.monotonic() - began)


def _addresses() -> tuple[str, ...]:
    return ("*", "::") if Path("/proc/net/if_inet6").exists() and Path("/proc/net/if_inet6").read_text() else ("*",)
