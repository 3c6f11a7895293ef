"""python -m soak.load.abuse KIND ADDRESS PORT NUMBER: bad clients, until the end of input."""

import asyncio
import random
import sys

_LORIS = b"GET / HTTP/1.1\r\nHost: soak.example\r\n"
_HELLO = bytes.fromhex("16030102000100")  # a ClientHello that says it is 508 bytes long, and stops
_SMUGGLED = (
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc",
    b"GET / HTTP/1.1\nHost: a\n\nGET /second HTTP/1.1\nHost: b\n\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n folded: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\nabc",
)


async def slowloris(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A header now and then, for ever."""
    writer.write(_LORIS)
    while not reader.at_eof():
        await asyncio.sleep(random.uniform(2, 6))
        writer.write(b"X-More: %d\r\n" % random.randrange(1000))
        await writer.drain()


async def idle(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Nothing at all."""
    await reader.read(1)


async def hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The beginning of a TLS handshake."""
    writer.write(_HELLO)
    await reader.read(1)


async def headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """More headers than fit anywhere."""
    for number in range(40):
        writer.write(b"X-%d: " % number + b"a" * 4000 + b"\r\n" if number else _LORIS)
        await writer.drain()
    await asyncio.wait_for(reader.read(-1), 10)
    await asyncio.sleep(0.2)


async def smuggling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """What two parsers would read differently."""
    writer.write(random.choice(_SMUGGLED))
    await asyncio.wait_for(reader.read(65536), 3)
    await asyncio.sleep(0.1)


KINDS = {"slowloris": slowloris, "idle": idle, "hello": hello, "headers": headers, "smuggling": smuggling}


async def client(kind: str, address: str, port: int) -> None:
    while True:
        try:
            reader, writer = await asyncio.wait_for(asyncio.open_connection(address, port), 20)
        except OSError:
            await asyncio.sleep(random.uniform(0.5, 2))
            continue
        try:
            await KINDS[kind](reader, writer)
        except (OSError, ValueError):
            pass
        finally:
            writer.close()
        await asyncio.sleep(random.uniform(0.05, 0.2))


async def run() -> None:
    kind, address, port, number = sys.argv[1:]
    tasks = []
    for turn in range(int(number)):
        tasks.append(asyncio.create_task(client(kind, address, int(port))))
        if turn % 50 == 49:
            await asyncio.sleep(0.02)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    for task in tasks:
        task.cancel()


if __name__ == "__main__":
    asyncio.run(run())
