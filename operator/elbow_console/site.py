"""The page and its API, on loopback."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import aiohttp
from aiohttp import web
from elbow_api.fault import Fault
from elbow_kube.client import ApiError, Client
from kubernetes.aio.client import ApiException

from elbow_console import stream, writes
from elbow_console.choices import choices
from elbow_console.live import Live, says
from elbow_console.scraper import Scraper
from elbow_console.view import draft
from elbow_console.view.draft import Draft
from elbow_console.view.guard import HEADERS, Guard
from elbow_console.view.snapshot import Key

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_STATIC = files("elbow_console") / "static"
_KINDS = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
_MOST_BODY = 1 << 20
_LONGEST_SHIFT = 3 * 24 * 60
"""Minutes, as with ELB's zonal shift."""


class Site:
    """Routes; each answers with JSON, and with `error` and a sentence where it can't."""

    def __init__(self, live: Live, namespace: str, guard: Guard) -> None:
        self.live, self.namespace, self.guard = live, namespace, guard
        self.scraper = Scraper(live)

    @property
    def client(self) -> Client:
        """The API server, as the user."""
        return self.live.client

    def application(self) -> web.Application:
        """The application, which follows the cluster while it runs."""
        app = web.Application(middlewares=[self._guarded, _told], client_max_size=_MOST_BODY)
        one = "/api/load-balancers/{namespace}/{name}"
        app.add_routes(
            [
                web.get("/api/stream", self._stream),
                web.get("/api/choices", self._choices),
                web.post("/api/check", self._check),
                web.post("/api/load-balancers", self._create),
                web.get(one, self._read),
                web.put(one, self._replace),
                web.delete(one, self._delete),
                web.post(f"{one}/zonal-shift", self._start_shift),
                web.delete(f"{one}/zonal-shift", self._cancel_shift),
                web.get(r"/static/{path:[A-Za-z0-9_/-]+(\.[a-z]+)+}", _static),
                web.get("/{path:(?!api/|static/).*}", _page),
            ]
        )
        app.on_response_prepare.append(_with_headers)
        app.cleanup_ctx.append(self._following)
        return app

    async def _following(self, _: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(self.live.run())
        yield
        task.cancel()
        await self.scraper.close()
        await asyncio.gather(task, return_exceptions=True)

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if refusal := self.guard.refusal(request.method, request.path, request.headers):
            status, why = refusal
            return web.json_response({"error": why}, status=status)
        return await handler(request)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        name = request.query.get("name")
        wanted = (request.query.get("namespace", self.namespace), name) if name else None
        return await stream.send(request, self.live, self.scraper, wanted)

    async def _choices(self, _: web.Request) -> web.Response:
        return web.json_response(await choices(self.live, self.namespace))

    async def _check(self, request: web.Request) -> web.Response:
        """What is wrong with a draft: by the models, and if they accept it, by the API server."""
        asked = await _body(request)
        written = self._draft(asked)
        answer = written.plain() | {"refused": ""}
        if not written.faults:
            try:
                answer |= await self._tried(written, asked.get("resourceVersion"))
            except (ApiError, ApiException, aiohttp.ClientError, OSError) as error:
                answer["refused"] = _sentence(error)
        return web.json_response(answer)

    async def _tried(self, written: Draft, version: str | None) -> dict[str, Any]:
        if version:
            await writes.replace(self.client, written, version, dry_run=True)
            return {}
        if taken := await writes.exists(self.client, written):
            return written.refused_by(taken).plain()
        await writes.create(self.client, written, dry_run=True)
        return {}

    async def _create(self, request: web.Request) -> web.Response:
        written = self._draft(await _body(request))
        if not written.faults and (taken := await writes.exists(self.client, written)):
            written = written.refused_by(taken)
        if written.faults:
            return web.json_response(written.plain(), status=422)
        made = await writes.create(self.client, written, dry_run=False)
        return web.json_response(_named(made), status=201)

    async def _read(self, request: web.Request) -> web.Response:
        """One as YAML to edit, the version read, and who else writes its spec."""
        found = await self.client.get(writes.path(*_key(request)))
        return web.json_response(
            {
                "yaml": draft.text(draft.editable(found)),
                "resourceVersion": found["metadata"]["resourceVersion"],
                "managers": [name for name in draft.managers(found) if name != writes.MANAGER],
            }
        )

    async def _replace(self, request: web.Request) -> web.Response:
        asked = await _body(request)
        written, wanted = self._draft(asked), _key(request)
        if not written.faults and draft.key_of(written.document) != wanted:
            written = written.refused_by(Fault(("metadata",), f"this is {'/'.join(wanted)}; a name can't be changed"))
        if written.faults:
            return web.json_response(written.plain(), status=422)
        made = await writes.replace(self.client, written, str(asked.get("resourceVersion")), dry_run=False)
        return web.json_response(_named(made))

    async def _delete(self, request: web.Request) -> web.Response:
        """Only with its name, typed by the user, in the body."""
        wanted = _key(request)
        if (await _body(request)).get("confirm") != wanted[1]:
            return web.json_response({"error": "the name must be typed to delete it"}, status=422)
        await writes.delete(self.client, wanted)
        return web.json_response({})

    async def _start_shift(self, request: web.Request) -> web.Response:
        asked = await _body(request)
        zone, minutes, reason = asked.get("awayFrom"), asked.get("minutes"), str(asked.get("reason") or "")
        if not isinstance(minutes, int) or not 1 <= minutes <= _LONGEST_SHIFT:
            return web.json_response({"error": "a zonal shift lasts 1 minute to 3 days"}, status=422)
        await writes.start_shift(self.client, _key(request), str(zone), minutes, reason, datetime.now(UTC))
        return web.json_response({})

    async def _cancel_shift(self, request: web.Request) -> web.Response:
        await writes.cancel_shift(self.client, _key(request))
        return web.json_response({})

    def _draft(self, asked: dict[str, Any]) -> Draft:
        """The draft of a request; in the namespace worked in unless it names another."""
        yaml = asked.get("yaml")
        if isinstance(yaml, str):
            return draft.of_text(yaml, self.namespace)
        document = asked.get("document")
        return draft.of_document(document if isinstance(document, dict) else {}, self.namespace)


@web.middleware
async def _told(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What went wrong between here and the API server, as a sentence."""
    try:
        return await handler(request)
    except ApiError as error:
        return web.json_response({"error": says(error)}, status=error.status if error.status >= 400 else 502)
    except (ApiException, aiohttp.ClientError, OSError) as error:
        return web.json_response({"error": _sentence(error)}, status=503)
    except web.HTTPException as error:
        return web.json_response({"error": error.reason}, status=error.status)


async def _with_headers(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        found = await request.json()
    except (ValueError, RecursionError):
        raise web.HTTPBadRequest(reason="JSON is expected") from None
    if not isinstance(found, dict):
        raise web.HTTPBadRequest(reason="a JSON object is expected")
    return found


async def _static(request: web.Request) -> web.Response:
    """A file of the package; the route's pattern keeps `..` out."""
    path = request.match_info["path"]
    found = _STATIC.joinpath(*path.split("/"))
    kind = _KINDS.get(path.rpartition(".")[2])
    if kind is None or not found.is_file():
        raise web.HTTPNotFound
    return web.Response(body=found.read_bytes(), content_type=kind, charset="utf-8")


async def _page(_: web.Request) -> web.Response:
    """The one page, wherever in it the user is."""
    return web.Response(body=(_STATIC / "index.html").read_bytes(), content_type="text/html", charset="utf-8")


def _key(request: web.Request) -> Key:
    return request.match_info["namespace"], request.match_info["name"]


def _named(document: dict[str, Any]) -> dict[str, str]:
    return {key: document["metadata"][key] for key in ("namespace", "name")}


def _sentence(error: Exception) -> str:
    return (
        says(error)
        if isinstance(error, ApiError)
        else f"The API server doesn't answer ({error or type(error).__name__})"
    )
