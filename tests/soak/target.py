"""The program behind the load balancer: HTTP with WebSocket, and TCP; told by --stop how to end.

at-once   exits the moment it is told to, whatever it serves
linger    serves on, new requests too, until nothing has been under way for two seconds

For --warm seconds from its start it is ready by its readiness probe, and yet answers everything else by 503, health checks too.

POST /health?ok=0 makes health checks fail, POST /ready?ok=0 the readiness probe; ok=1 mends them.
"""

import argparse
import asyncio
import os
import signal
import time
import zlib
from typing import Any

from aiohttp import WSMsgType, web

PIECE = 4096
_QUIET = 2.0


class Target:
    """What it is, and what it serves at the moment."""

    def __init__(self, name: str, warm: float) -> None:
        self.name = name
        self.warm_at = time.monotonic() + warm
        self.is_healthy = self.is_ready = True
        self.under_way = 0
        self.quiet_since = time.monotonic()

    @property
    def is_warm(self) -> bool:
        return time.monotonic() >= self.warm_at

    def begin(self) -> None:
        self.under_way += 1

    def end(self) -> None:
        self.under_way -= 1
        self.quiet_since = time.monotonic()

    @web.middleware
    async def count(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.path in ("/healthz", "/readyz"):
            answer: web.StreamResponse = await handler(request)
            return answer
        self.begin()
        try:
            answer = await handler(request)
            if not answer.prepared:
                answer.headers["X-Target"] = self.name
            return answer
        finally:
            self.end()

    async def say(self, request: web.Request) -> web.Response:
        if not self.is_warm:
            return web.Response(status=503)
        body = await request.read()
        return web.json_response({"target": self.name, "length": len(body), "crc": zlib.crc32(body)})

    async def download(self, request: web.Request) -> web.StreamResponse:
        """So many pieces of 4 KiB over so many seconds."""
        pieces, seconds = int(request.query["pieces"]), float(request.query["seconds"])
        response = web.StreamResponse(headers={"X-Target": self.name})
        response.content_length = pieces * PIECE
        await response.prepare(request)
        began = time.monotonic()
        for number in range(pieces):
            await response.write(bytes([number % 256]) * PIECE)
            # By the clock: on a busy machine a sleep is longer than asked for, and a download shall not outlast a drain.
            await asyncio.sleep(max(0.0, began + seconds * (number + 1) / pieces - time.monotonic()))
        return response

    async def websocket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await socket.send_str(message.data)
        return socket

    async def set_health(self, request: web.Request) -> web.Response:
        self.is_healthy = request.query["ok"] == "1"
        return web.Response()

    async def set_ready(self, request: web.Request) -> web.Response:
        self.is_ready = request.query["ok"] == "1"
        return web.Response()

    async def health(self, _: web.Request) -> web.Response:
        return web.Response(status=200 if self.is_healthy and self.is_warm else 503)

    async def ready(self, _: web.Request) -> web.Response:
        return web.Response(status=200 if self.is_ready else 503)

    async def echo(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """TCP: everything back, until the client is done."""
        counted = False
        try:
            while data := await reader.read(65536):
                if not counted:  # a health check says nothing
                    self.begin()
                    counted = True
                writer.write(data)
                await writer.drain()
            writer.write_eof()
        except OSError:
            pass
        finally:
            writer.close()
            if counted:
                self.end()

    async def until_quiet(self) -> None:
        self.quiet_since = time.monotonic()
        while self.under_way or time.monotonic() < self.quiet_since + _QUIET:  # noqa: ASYNC110 - quiet is a matter of time
            await asyncio.sleep(0.1)


async def serve(name: str, stop: str, warm: float) -> None:
    target = Target(name, warm)
    app = web.Application(middlewares=[target.count], client_max_size=1 << 26)
    app.router.add_get("/healthz", target.health)
    app.router.add_get("/readyz", target.ready)
    app.router.add_get("/download", target.download)
    app.router.add_get("/ws", target.websocket)
    app.router.add_post("/health", target.set_health)
    app.router.add_post("/ready", target.set_ready)
    app.router.add_route("*", "/{path:.*}", target.say)
    runner = web.AppRunner(app, access_log=None, keepalive_timeout=3600)
    await runner.setup()
    await web.TCPSite(runner, "0.0.0.0", 8080, backlog=1024).start()
    await asyncio.start_server(target.echo, "0.0.0.0", 9000, backlog=1024)
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, (lambda: os._exit(0)) if stop == "at-once" else told.set)
    await told.wait()
    await target.until_quiet()
    os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", required=True)
    parser.add_argument("--stop", choices=("at-once", "linger"), default="linger")
    parser.add_argument("--warm", type=float, default=0)
    options = parser.parse_args()
    asyncio.run(serve(options.name, options.stop, options.warm))


if __name__ == "__main__":
    main()
