"""The admin port: health of the agent, metrics, the report, and the configuration that runs."""

import asyncio
import time

from aiohttp import web

from elbow_dataplane.agent.agent import READ_BACK, Agent
from elbow_dataplane.agent.metrics import exposition
from elbow_dataplane.agent.report import is_ready, report

_STALE = 5 * READ_BACK


def application(agent: Agent) -> web.Application:
    """The admin port's pages."""

    async def livez(_: web.Request) -> web.Response:
        age = time.time() - agent.view.at
        return web.Response(text=f"last look {age:.1f} s ago\n", status=200 if age < _STALE else 503)

    async def readyz(_: web.Request) -> web.Response:
        return web.Response(text="ready\n") if is_ready(agent.view) else web.Response(text="not ready\n", status=503)

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(
            body=exposition(agent), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        )

    async def report_(_: web.Request) -> web.Response:
        if agent.view.known is None:
            return web.json_response({"faults": list(agent.view.faults)}, status=503)
        text = report(agent.view, agent.counters).model_dump_json(by_alias=True, exclude_none=True)
        return web.Response(text=text + "\n", content_type="application/json")

    async def config(_: web.Request) -> web.Response:
        try:
            return web.Response(text=await asyncio.to_thread(agent.engine.config_file.read_text))
        except OSError as error:
            return web.Response(text=f"{error.strerror}\n", status=503)

    app = web.Application()
    app.add_routes(
        [
            web.get("/livez", livez),
            web.get("/readyz", readyz),
            web.get("/metrics", metrics),
            web.get("/report", report_),
            web.get("/config", config),
        ]
    )
    return app


async def serve(agent: Agent, host: str, port: int) -> web.AppRunner:
    """Open the admin port; it answers until the runner is cleaned up."""
    runner = web.AppRunner(application(agent), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner
