"""How a pod asks the API server: as its service account, whose token changes."""

import socket
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from elbow_kube.client import ApiAway, ApiError, Client
from elbow_kube.login import ServiceAccount
from harness.certificates import Authority
from harness.ports import Ports


class Server:
    """Answers to those with the right token."""

    token = "first"

    async def answer(self, request: web.Request) -> web.Response:
        good = request.headers.get("Authorization") == f"Bearer {self.token}"
        return web.json_response({"kind": "Status", "message": "Unauthorized"}, status=200 if good else 401)


@pytest.fixture
async def server(authority: Authority, ports: Ports, tmp_path: Path) -> AsyncIterator[tuple[Server, Client]]:
    server, port = Server(), ports.take()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.issue("127.0.0.1").bundle)
    application = web.Application()
    application.add_routes([web.get("/api", server.answer)])
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()
    (tmp_path / "ca.crt").write_bytes(authority.file.read_bytes())
    (tmp_path / "token").write_text("first\n")
    client = Client(ServiceAccount("127.0.0.1", str(port), tmp_path))
    yield server, client
    await client.close()
    await runner.cleanup()


async def test_a_token_that_is_refused_is_read_again(server: tuple[Server, Client], tmp_path: Path) -> None:
    site, client = server
    assert (await client.get("/api"))["kind"] == "Status"
    site.token = "second"
    (tmp_path / "token").write_text("second\n")
    with pytest.raises(ApiError, match="401"):
        await client.get("/api")
    assert (await client.get("/api"))["kind"] == "Status"


def probes(port: int) -> list[float]:
    """In how many seconds the other ends of open connections to a port are asked whether they are there."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    kept = [row[5] for row in rows if row[2].endswith(f":{port:04X}") and row[3] == "01" and row[5].startswith("02")]
    return [int(timer.partition(":")[2], 16) / 100 for timer in kept]


async def test_a_silent_api_server_is_asked_after_5_s_whether_it_is_there(server: tuple[Server, Client]) -> None:
    _, client = server
    await client.get("/api")
    (seconds,) = probes(int(client.host.rpartition(":")[2]))
    assert 0 < seconds <= 5


async def test_an_attempt_to_connect_that_nobody_answers_ends_within_5_s(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_bytes(authority.file.read_bytes())
    (tmp_path / "token").write_text("first\n")
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, socket.create_connection(full.getsockname()):
        address = full.getsockname()  # one waits already: further attempts are dropped
        client = Client(ServiceAccount(address[0], str(address[1]), tmp_path))
        began = time.monotonic()
        with pytest.raises(ApiAway):
            await client.get("/api")
        assert 1 < time.monotonic() - began < 5
        await client.close()


async def test_no_other_authority_is_trusted(
    server: tuple[Server, Client], own_authority: Authority, tmp_path: Path
) -> None:
    _, client = server
    (tmp_path / "ca.crt").write_bytes(own_authority.file.read_bytes())
    port = client.host.rpartition(":")[2]
    other = Client(ServiceAccount("127.0.0.1", port, tmp_path))
    with pytest.raises(OSError, match="certificate verify failed"):
        await other.get("/api")
    await other.close()
