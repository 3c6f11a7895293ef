"""python -m soak.load: a Plan as a line on stdin; end of input ends it. Tells what it counts on stdout, line by line."""

import asyncio
import json
import ssl
import sys
from collections.abc import Coroutine
from dataclasses import asdict

from soak.load import http, http2, streams
from soak.load.ledger import Ledger
from soak.load.plan import Plan

_SPARE = 20.0
"""Seconds that requests under way get at the end beyond what a long one takes."""


def clients(plan: Plan, ledger: Ledger) -> list[Coroutine[None, None, None]]:
    """All of them: 0.4 of the short requests are on kept connections, 0.2 on HTTP/2, 0.15 on new connections."""
    tls, h2 = (ssl.create_default_context(cafile=plan.authority) for _ in range(2))
    h2.set_alpn_protocols(["h2"])
    each = plan.rate / len(plan.doors)
    out: list[Coroutine[None, None, None]] = []
    for door in plan.doors:
        at, name = door.address, door.name
        web, secure, sticky = f"http://{at}:{plan.http}", f"https://{at}:{plan.https}", f"http://{at}:{plan.sticky}"
        out += [http.short(ledger, "kept", name, web, 4 / (each * 0.4), kept=True) for _ in range(4)]
        out += [http.short(ledger, "new", name, web, 2 / (each * 0.15), kept=False) for _ in range(2)]
        out += [http.short(ledger, "TLS kept", name, secure, 1 / (each * 0.1), kept=True, tls=tls)]
        out += [http.short(ledger, "TLS new", name, secure, 1 / (each * 0.05), kept=False, tls=tls)]
        out += [http2.streams(ledger, name, at, plan.https, h2, 1 / (each * 0.2))]
        out += [http.sticky(ledger, name, sticky, 2 / (each * 0.1)) for _ in range(2)]
        for _ in range(plan.streams):
            out += [
                http.downloads(ledger, name, web, plan.seconds),
                http.uploads(ledger, name, web, plan.seconds),
                streams.websockets(ledger, name, web, plan.seconds),
                streams.tcp(ledger, name, at, plan.tcp, plan.seconds),
            ]
    return out


def tell(what: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


async def run() -> None:
    loop = asyncio.get_running_loop()
    plan, ledger = Plan.parse(await loop.run_in_executor(None, sys.stdin.readline)), Ledger()
    running = [asyncio.create_task(client) for client in clients(plan, ledger)]
    told = loop.run_in_executor(None, sys.stdin.read)
    seen = 0
    while not told.done():
        await asyncio.wait({asyncio.ensure_future(told), *running}, timeout=0.5, return_when=asyncio.FIRST_COMPLETED)
        for task in running:
            if task.done():
                task.result()  # a client of ours that broke
        news, seen = ledger.failures[seen:], len(ledger.failures)
        tell({"sent": ledger.sent, "failures": [asdict(failure) for failure in news]})
    ledger.is_over = True
    await asyncio.wait(running, timeout=plan.seconds + _SPARE)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    tell(ledger.document())


if __name__ == "__main__":
    asyncio.run(run())
