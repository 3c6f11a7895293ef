"""Who asks, and how: a pod's service account, or a user's kubeconfig."""

import json
import os
import socket
import ssl
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import aiohttp

if TYPE_CHECKING:
    from kubernetes.aio.client import Configuration

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_RENEW = 60.0
"""Seconds after which a token is read again; the kubelet renews its file long before it expires."""
_LINE = 2**21
"""Bytes; half of what a line of a watch, an object, may have."""
_SILENCE, _PROBES, _PAUSE = 5, 3, 2
"""Seconds of silence after which the API server is probed, how often, and the seconds between."""
_ATTEMPTS = 1
"""How often a connection that isn't answered is tried again, a second later; it fails after 3 s, and a new one comes sooner than
the next attempts would, each after twice as long."""
Limits = float | aiohttp.ClientTimeout


class Login(Protocol):
    """Requests to one API server, as somebody."""

    @property
    def host(self) -> str:
        """The API server's address."""

    async def request(
        self, method: str, path: str, headers: dict[str, str], body: Any, limits: Limits
    ) -> aiohttp.ClientResponse:
        """Ask, and return the head of the answer; raises what aiohttp raises."""

    async def close(self) -> None:
        """Close the connections."""


class ServiceAccount:
    """A pod's own. The kubernetes package could do it too, for 25 MiB and a second of CPU in each of thousands of pods."""

    def __init__(self, host: str, port: str, directory: Path = _ACCOUNT) -> None:
        self.host = f"https://{f'[{host}]' if ':' in host else host}:{port}"
        self._file = directory / "token"
        self._context = ssl.create_default_context(cafile=directory / "ca.crt")
        # Authorities of real clusters lack key identifiers and usages that Python 3.13 asks for.
        self._context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        self._session: aiohttp.ClientSession | None = None
        self._token, self._read = "", -_RENEW

    async def request(
        self, method: str, path: str, headers: dict[str, str], body: Any, limits: Limits
    ) -> aiohttp.ClientResponse:
        """Ask, with the newest token."""
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=0,  # every watch is a connection
                ssl=self._context,
                socket_factory=_probed,
            )
            self._session = aiohttp.ClientSession(connector=connector, read_bufsize=_LINE)
        if time.monotonic() >= self._read + _RENEW:
            self._token, self._read = self._file.read_text().strip(), time.monotonic()
        total = limits if isinstance(limits, aiohttp.ClientTimeout) else aiohttp.ClientTimeout(total=limits)
        data = None if body is None else json.dumps(body)
        headers = {**headers, "Authorization": f"Bearer {self._token}"}
        response = await self._session.request(method, self.host + path, headers=headers, data=data, timeout=total)
        if response.status == 401:
            self._read = -_RENEW  # the next try is with what is in the file then
        return response

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()


def _probed(info: aiohttp.AddrInfoType) -> socket.socket:
    """A connection that ends soon after the API server went out of reach.

    A watch only listens: it would hear nothing until the API server tries again, which after a partition takes as long as that lasted.
    """
    made = socket.socket(*info[:3])
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        (socket.TCP_KEEPIDLE, _SILENCE),
        (socket.TCP_KEEPCNT, _PROBES),
        (socket.TCP_KEEPINTVL, _PAUSE),
        (socket.TCP_SYNCNT, _ATTEMPTS),
    ):
        made.setsockopt(socket.IPPROTO_TCP, option, value)
    return made


class KubeConfig:
    """What a kubeconfig says, with all its ways to log in; they are the kubernetes package's."""

    def __init__(self, configuration: "Configuration") -> None:
        from kubernetes.aio.client import ApiClient  # noqa: PLC0415  (not for pods)

        configuration.disable_strict_ssl_verification = True  # as a service account's context
        configuration.connection_pool_maxsize = 0  # every watch is a connection; with a bound, the last ones would wait
        self._api = ApiClient(configuration)

    @property
    def host(self) -> str:
        """The API server's address."""
        return str(self._api.configuration.host)

    async def request(
        self, method: str, path: str, headers: dict[str, str], body: Any, limits: Limits
    ) -> aiohttp.ClientResponse:
        """Ask, with what the package says of who asks."""
        await self._api.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
        answer = await self._api.rest_client.request(
            method, self.host + path, headers=headers, body=body, _request_timeout=limits
        )
        response: aiohttp.ClientResponse = answer.response
        return response

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()


def account() -> ServiceAccount | None:
    """The pod's service account, in a pod."""
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    return ServiceAccount(host, port) if host else None
