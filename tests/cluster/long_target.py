"""A target whose answers take long, for pods: downloads, WebSockets. Needs nothing but Python; listens on both families."""

import asyncio
import base64
import hashlib
import os
import signal

NAME = os.environ.get("POD", "long")


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """GET /drip: a piece each 100 ms, for `seconds`. An upgrade: echo. Anything else: the name."""
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            path = head.split(" ")[1]
            if "\r\nupgrade:" in head.lower():
                writer.write(upgrade(head))
                while data := await reader.read(65536):
                    writer.write(data)
                    await writer.drain()
                return
            if path.startswith("/drip"):
                await drip(writer, float(path.partition("seconds=")[2] or 5))
                continue
            body = f'{{"name": "{NAME}"}}\n'.encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
    except (OSError, EOFError):
        pass
    finally:
        writer.close()


def upgrade(head: str) -> bytes:
    """The answer to a WebSocket's handshake (RFC 6455)."""
    key = next(line.partition(": ")[2] for line in head.split("\r\n") if line.lower().startswith("sec-websocket-key"))
    accept = base64.b64encode(hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()).decode()
    lines = ["HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket"]
    return "\r\n".join([*lines, f"Sec-WebSocket-Accept: {accept}", "", ""]).encode()


async def drip(writer: asyncio.StreamWriter, seconds: float) -> None:
    """A body in pieces."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(int(seconds * 10)):
        writer.write(b"5\r\ndrip\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.1)
    writer.write(b"0\r\n\r\n")
    await writer.drain()


async def main() -> None:
    """Serve until told to end."""
    server = await asyncio.start_server(serve, None, 8080)
    end = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end.set)
    await end.wait()
    server.close()


asyncio.run(main())
