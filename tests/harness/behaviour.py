"""What a target does, by the path it is asked for."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl, urlsplit

from harness.exchange import Exchange

Behaviour = Callable[[Exchange], Awaitable[None]]
_PIECE = 256 * 1024


def pattern(size: int) -> bytes:
    """The body of a download of that size."""
    return (bytes(range(256)) * (size // 256 + 1))[:size]


async def name(exchange: Exchange) -> None:
    """The target's name; any path without a behaviour of its own."""
    target = exchange.target
    if target.delay:
        await exchange.wait(target.delay)
    await exchange.answer(target.status, f"{target.name}\n".encode(), [("Content-Type", "text/plain")])


async def slow(exchange: Exchange) -> None:
    """/slow?ms=500: the name after a while."""
    await exchange.wait(int(exchange.request.query.get("ms", "1000")) / 1000)
    await name(exchange)


async def hold(exchange: Exchange) -> None:
    """/hold: the name once the test calls release()."""
    released: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    exchange.target.held.append(released)
    try:
        await exchange.wait_for(released)
    finally:
        exchange.target.held.remove(released)
    await name(exchange)


async def status(exchange: Exchange) -> None:
    """/status/503: that status."""
    code = int(exchange.request.path.split("/")[2])
    await exchange.answer(code, b"" if code in (204, 304) else f"{exchange.target.name} {code}\n".encode())


async def echo(exchange: Exchange) -> None:
    """/echo: the body back, its digest in X-Sha256."""
    body = exchange.request.body
    await exchange.answer(200, body, [("X-Sha256", hashlib.sha256(body).hexdigest())])


async def inspect(exchange: Exchange) -> None:
    """/inspect: the request as JSON: method, target, version, headers, peer."""
    request = exchange.request
    seen = {
        "name": exchange.target.name,
        "method": request.method,
        "target": request.target,
        "version": request.version,
        "headers": request.headers,
        "peer": exchange.connection.peer,
    }
    await exchange.answer(200, json.dumps(seen).encode(), [("Content-Type", "application/json")])


async def respond(exchange: Exchange) -> None:
    """/respond with JSON {status, headers, body}, in the request's body or in ?json=: exactly that answer."""
    wanted = json.loads(exchange.request.body or exchange.request.query["json"])
    headers = [(key, value) for key, value in wanted.get("headers", [])]
    await exchange.answer(wanted.get("status", 200), wanted.get("body", "").encode(), headers)


async def set_cookie(exchange: Exchange) -> None:
    """/set-cookie?set=a%3D1%3B+Path%3D/&set=...: a Set-Cookie header for each."""
    query = parse_qsl(urlsplit(exchange.request.target).query)
    cookies = [("Set-Cookie", value) for key, value in query if key == "set"]
    await exchange.answer(200, f"{exchange.target.name}\n".encode(), cookies)


async def headers(exchange: Exchange) -> None:
    """/headers?bytes=9000: an answer with that many bytes of headers besides the usual ones, in lines of at most 1,000."""
    size = int(exchange.request.query["bytes"])
    sizes = [min(1000, size - at) for at in range(0, size, 1000)]
    lines = [(f"X-Filler-{i:03}", "x" * (line - len("X-Filler-000: \r\n"))) for i, line in enumerate(sizes)]
    await exchange.answer(200, f"{exchange.target.name}\n".encode(), lines)


async def download(exchange: Exchange) -> None:
    """/download?bytes=1000&chunks=10&ms=50[&length=1]: a pattern in so many parts with a pause between, chunked or with a length."""
    query = exchange.request.query
    size, parts, pause = int(query["bytes"]), int(query.get("chunks", "1")), int(query.get("ms", "0")) / 1000
    await exchange.start(200, [], size if "length" in query else None)
    body, each = memoryview(pattern(size)), max(1, -(-size // parts))
    for begin in range(0, size, each):
        part = body[begin : begin + each]
        for i in range(0, len(part), _PIECE):
            await exchange.send(bytes(part[i : i + _PIECE]))
        if pause and begin + each < size:
            await exchange.wait(pause)
    await exchange.finish()


async def events(exchange: Exchange) -> None:
    """/events?count=5&ms=100: Server-Sent Events, one at a time; without a count they go on."""
    query = exchange.request.query
    count, pause = int(query.get("count", "1000000")), int(query.get("ms", "100")) / 1000
    await exchange.start(200, [("Content-Type", "text/event-stream"), ("Cache-Control", "no-cache")], None)
    for i in range(count):
        await exchange.send(f"data: {exchange.target.name} {i}\n\n".encode())
        await exchange.wait(pause)
    await exchange.finish()


async def close(exchange: Exchange) -> None:
    """/close: the connection ends without an answer."""
    exchange.close()


async def reset(exchange: Exchange) -> None:
    """/reset: the connection ends by RST without an answer."""
    exchange.abort()


async def hang(exchange: Exchange) -> None:
    """/hang: no answer, ever."""
    await exchange.wait(3600)


async def close_mid_body(exchange: Exchange) -> None:
    """/close-mid-body?bytes=100&of=1000[&chunked=1]: the connection ends in the middle of the body."""
    query = exchange.request.query
    await exchange.start(200, [], None if "chunked" in query else int(query.get("of", "1000")))
    await exchange.send(pattern(int(query.get("bytes", "100"))))
    exchange.close()


async def half_a_head(exchange: Exchange) -> None:
    """/half-a-head: the connection ends in the middle of the headers."""
    await exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Le")
    exchange.close()


async def garbage(exchange: Exchange) -> None:
    """/garbage: bytes that are no HTTP."""
    await exchange.raw(b"\x00\x01\x02 this is no HTTP\r\n\r\n")
    exchange.close()


async def health(exchange: Exchange) -> None:
    """What the target's health tells it to answer to a check."""
    wanted = exchange.target.health
    if wanted.delay:
        await exchange.wait(wanted.delay)
    if wanted.mode == "answer":
        return await exchange.answer(wanted.script.pop(0) if wanted.script else wanted.status, wanted.body)
    return await BEHAVIOURS[f"/{wanted.mode}"](exchange)


BEHAVIOURS: dict[str, Behaviour] = {
    "/slow": slow,
    "/hold": hold,
    "/status": status,
    "/echo": echo,
    "/inspect": inspect,
    "/respond": respond,
    "/set-cookie": set_cookie,
    "/headers": headers,
    "/download": download,
    "/events": events,
    "/early": name,
    "/close": close,
    "/reset": reset,
    "/hang": hang,
    "/close-mid-body": close_mid_body,
    "/half-a-head": half_a_head,
    "/garbage": garbage,
}
BEFORE_THE_BODY = ("/early", "/close", "/reset", "/hang")
"""Paths answered without reading the request's body."""


def behaviour(path: str) -> Behaviour:
    """The behaviour of a path: by its first part."""
    return BEHAVIOURS.get("/" + path.split("/")[1], name) if path.startswith("/") else name
