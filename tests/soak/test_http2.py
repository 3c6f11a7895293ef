"""The HTTP/2 client: when it gives a connection up, and when it doesn't."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived
from h2.settings import SettingCodes

from soak.load.http2 import Connection

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
PATIENCE = 0.2


@asynccontextmanager
async def connected(serve: Serve) -> AsyncIterator[Connection]:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        yield Connection(reader, writer, "soak.example", PATIENCE)
    finally:
        writer.close()
        server.close()


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(-1)
    writer.close()


async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers PINGs at once, and a request after several times the client's patience."""
    h2, loop = H2Connection(H2Configuration(client_side=False)), asyncio.get_running_loop()
    h2.local_settings[SettingCodes.MAX_CONCURRENT_STREAMS] = 2
    h2.local_settings.acknowledge()
    h2.initiate_connection()

    def answer(stream: int) -> None:
        h2.send_headers(stream, [(":status", "200")], end_stream=True)
        writer.write(h2.data_to_send())

    while data := await reader.read(65536):
        for event in h2.receive_data(data):
            if isinstance(event, RequestReceived):
                loop.call_later(4 * PATIENCE, answer, event.stream_id)
        writer.write(h2.data_to_send())
    writer.close()


async def test_a_connection_to_a_machine_that_lost_power_is_given_up_with_all_that_is_on_it() -> None:
    async with connected(silent) as connection, asyncio.timeout(10):
        asked = [asyncio.create_task(connection.ask("GET", "/")) for _ in range(3)]
        for one in asked:
            with pytest.raises(EOFError):
                await one
        assert connection.is_going  # what comes next goes over another one


async def test_an_answer_is_waited_for_as_long_as_the_peer_answers_pings() -> None:
    async with connected(slow) as connection, asyncio.timeout(10):
        assert (await connection.ask("GET", "/")).headers[":status"] == "200"


async def test_a_connection_with_as_many_requests_as_its_peer_allows_takes_no_more_until_one_ends() -> None:
    async with connected(slow) as connection, asyncio.timeout(10):
        await connection.ask("GET", "/")  # the peer's settings are known by now
        asked = [asyncio.create_task(connection.ask("GET", "/")) for _ in range(2)]
        await asyncio.sleep(0)
        assert not connection.takes_more
        await asyncio.gather(*asked)
        assert connection.takes_more
