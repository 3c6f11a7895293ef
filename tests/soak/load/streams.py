"""What holds a connection: WebSocket, and plain TCP with a checksum."""

import asyncio
import itertools
import random
import time
import zlib
from collections.abc import AsyncIterator

import aiohttp

from soak.load.http import HOST, session
from soak.load.ledger import Ledger, Wrong


async def _for(seconds: float) -> AsyncIterator[int]:
    """Turns every half a second for so long, however busy this machine is: what lasts longer than a drain may is cut by right."""
    end = time.monotonic() + seconds
    for turn in itertools.count():
        yield turn
        await asyncio.sleep(0.5)
        if time.monotonic() > end:
            return


async def websockets(ledger: Ledger, door: str, url: str, seconds: float) -> None:
    """Conversations; each is one request, and every message must come back."""
    while not ledger.is_over:
        length = seconds * random.uniform(0.3, 1)
        async with (
            session() as client,
            ledger.request("WebSocket", door, limit=seconds * 3 + 30),
            client.ws_connect(url + "/ws", headers=HOST) as socket,
        ):
            async for turn in _for(length):
                await socket.send_str(f"{turn} of {length}")
                message = await socket.receive(timeout=20)
                if message.type is not aiohttp.WSMsgType.TEXT or message.data != f"{turn} of {length}":
                    raise Wrong(f"{message.type.name} {message.data} after {turn} messages")
        await asyncio.sleep(0.2)


async def tcp(ledger: Ledger, door: str, address: str, port: int, seconds: float) -> None:
    """Connections that send for a while, close their side, and compare the checksum of what came back."""
    while not ledger.is_over:
        length = seconds * random.uniform(0.2, 1)
        async with ledger.request("TCP", door, limit=seconds * 3 + 30):
            reader, writer = await asyncio.wait_for(asyncio.open_connection(address, port), 5)
            try:
                back = asyncio.create_task(reader.read(-1))
                sent = b""
                async for _ in _for(length):
                    piece = random.randbytes(random.randrange(1, 16384))
                    writer.write(piece)
                    sent += piece
                    if back.done():
                        raise Wrong(f"closed: {len(back.result())} bytes came back of {len(sent)}")
                writer.write_eof()
                echoed = await back
                if zlib.crc32(echoed) != zlib.crc32(sent):
                    raise Wrong(f"{len(echoed)} bytes came back of {len(sent)}")
            finally:
                writer.close()
        await asyncio.sleep(0.2)
