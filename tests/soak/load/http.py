"""HTTP/1.1 by aiohttp: kept and new connections, TLS, sticky sessions, downloads and slow POSTs."""

import asyncio
import itertools
import random
import ssl
import zlib
from collections.abc import AsyncIterator

import aiohttp

from soak.load.ledger import Ledger, Wrong

PIECE = 4096
NAME = "soak.example"
HOST = {"Host": NAME}
_CONNECT = 5.0  # seconds a client waits for a connection


def session(*, tls: ssl.SSLContext | None = None, kept: bool = True, jar: bool = False) -> aiohttp.ClientSession:
    """A client with one connection at a time, which repeats nothing by itself."""
    connector = aiohttp.TCPConnector(
        limit=1,
        ssl=tls if tls is not None else True,
        **({"keepalive_timeout": 3600} if kept else {"force_close": True}),
    )
    cookies = aiohttp.CookieJar(unsafe=True) if jar else aiohttp.DummyCookieJar()
    made = aiohttp.ClientSession(
        connector=connector, cookie_jar=cookies, timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT)
    )
    made._retry_connection = False  # what aiohttp would send again without a word is a failure here
    return made


async def check(response: aiohttp.ClientResponse) -> dict[str, object]:
    """The answer of a target."""
    if response.status != 200:
        raise Wrong(f"{response.status} by {response.headers.get('X-Target') or 'the balancer'}")
    told: dict[str, object] = await response.json()
    return told


async def once(client: aiohttp.ClientSession, url: str, turn: int) -> dict[str, object]:
    """A GET, and every third time a POST whose checksum comes back."""
    if turn % 3:
        async with client.get(f"{url}/turn/{turn}", headers=HOST, server_hostname=NAME) as response:
            return await check(response)
    body = random.randbytes(random.randrange(16, 8192))
    async with client.post(url + "/post", data=body, headers=HOST, server_hostname=NAME) as response:
        told = await check(response)
    if told["crc"] != zlib.crc32(body):
        raise Wrong("changed body")
    return told


async def short(
    ledger: Ledger, kind: str, door: str, url: str, pause: float, *, kept: bool, tls: ssl.SSLContext | None = None
) -> None:
    """Requests one after another, at even times."""
    client = session(tls=tls, kept=kept)
    async with client:
        async for turn in evenly(ledger, pause):
            async with ledger.request(kind, door):
                await once(client, url, turn)


async def sticky(ledger: Ledger, door: str, url: str, pause: float, turns: int = 400) -> None:
    """Sessions that check whom they reach."""
    while not ledger.is_over:
        client, last = session(jar=True), ""
        async with client:
            async for turn in evenly(ledger, pause):
                async with ledger.request("sticky", door):
                    target = str((await once(client, url, turn))["target"])
                    if last and target != last:
                        ledger.move(door, last, target)
                    last = target
                if turn > turns:
                    break


async def downloads(ledger: Ledger, door: str, url: str, seconds: float) -> None:
    """Long downloads, each checked to the last byte."""
    while not ledger.is_over:
        took = seconds * random.uniform(0.3, 1)
        pieces = max(4, int(took * 4))
        async with session() as client, ledger.request("download", door, limit=seconds * 3 + 30):
            ask = f"{url}/download?pieces={pieces}&seconds={took:.1f}"
            async with client.get(ask, headers=HOST) as response:
                if response.status != 200:
                    raise Wrong(f"{response.status}")
                body = await response.read()
            if body != b"".join(bytes([n % 256]) * PIECE for n in range(pieces)):
                raise Wrong(f"changed body, {len(body)} bytes of {pieces * PIECE}")
        await asyncio.sleep(0.2)


async def uploads(ledger: Ledger, door: str, url: str, seconds: float) -> None:
    """POSTs whose body comes slowly."""
    while not ledger.is_over:
        pieces = [random.randbytes(PIECE) for _ in range(8)]
        pause = seconds * random.uniform(0.2, 0.6) / len(pieces)

        async def body(pieces: list[bytes] = pieces, pause: float = pause) -> AsyncIterator[bytes]:
            for piece in pieces:
                yield piece
                await asyncio.sleep(pause)

        async with session() as client, ledger.request("slow POST", door, limit=seconds * 3 + 30):
            async with client.post(url + "/upload", data=body(), headers=HOST) as response:
                told = await check(response)
            if told["crc"] != zlib.crc32(b"".join(pieces)):
                raise Wrong("changed body")
        await asyncio.sleep(0.2)


async def evenly(ledger: Ledger, pause: float) -> AsyncIterator[int]:
    """Turns at even times until the load is over; one that is late doesn't make the rest hurry."""
    loop = asyncio.get_running_loop()
    next_at = loop.time() + random.uniform(0, pause)
    for turn in itertools.count():
        await asyncio.sleep(max(0.0, next_at - loop.time()))
        if ledger.is_over:
            return
        next_at = max(next_at + pause, loop.time())
        yield turn
