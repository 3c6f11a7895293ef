"""Answers at every address of port 9900 as a proxy's agent does: a report, then signs of life, and counters now and then."""

import asyncio
import json

_TARGETS = 10
_ALIVE, _COUNTERS = 30.0, 300.0


def _report(requests: int) -> bytes:
    since = "2026-01-01T00:00:00.000Z"
    targets = [
        {"address": f"10.1.0.{n}", "port": 8080, "zone": "zone-a", "weight": 1, "state": "healthy", "since": since}
        for n in range(_TARGETS)
    ]
    zeros = ("initial", "draining", "unused", "unhealthy", "target3xx", "target4xx", "target5xx")
    zeros += ("connectionErrors", "surgeQueueLength", "spillover")
    group = dict.fromkeys(zeros, 0) | {"name": "web", "healthy": _TARGETS, "requests": requests, "target2xx": requests}
    listener = {"name": "http", "port": 80, "protocol": "HTTP", "targetGroup": "web", "activeConnections": 1}
    listener |= dict.fromkeys(("newConnections", "requests", "elb4xx", "elb5xx", "processedBytes"), requests)
    whole = {
        "name": "web",
        "namespace": "default",
        "generation": 1,
        "converged": True,
        "ready": True,
        "time": since,
        "listeners": [listener],
        "targetGroups": [{**group, "failsOpen": False, "targets": targets}],
        "faults": [],
    }
    return json.dumps(whole).encode() + b"\n"


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nConnection: close\r\n\r\n")
        turn = 0
        while True:
            writer.write(_report(turn) if turn % (_COUNTERS // _ALIVE) == 0 else b"\n")
            await writer.drain()
            turn += 1
            await asyncio.sleep(_ALIVE)
    except (OSError, EOFError):
        writer.close()


async def _main() -> None:
    server = await asyncio.start_server(_serve, "0.0.0.0", 9900, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main())
