"""The operator's own port: whether it lives, whether it reaches the API server, and its metrics."""

from collections.abc import Callable

from aiohttp import web
from elbow_api.names import ADMIN_PORT
from prometheus_client import REGISTRY, generate_latest

_METRICS = "text/plain; version=0.0.4; charset=utf-8"


async def serve(is_ready: Callable[[], bool]) -> web.AppRunner:
    """Open the port; the caller cleans the runner up."""

    async def livez(_: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def readyz(_: web.Request) -> web.Response:
        ready = is_ready()
        return web.Response(status=200 if ready else 503, text="ready\n" if ready else "the Lease can't be read\n")

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(REGISTRY), headers={"Content-Type": _METRICS})

    application = web.Application()
    application.add_routes([web.get("/livez", livez), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, None, ADMIN_PORT).start()
    return runner
