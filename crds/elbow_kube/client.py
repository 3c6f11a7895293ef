"""A client of the API server for plain documents."""

import json
import os
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager

import aiohttp

from elbow_kube.login import KubeConfig, Login, account
from elbow_kube.object import Object

FIELD_MANAGER = "elbow"
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_DRY_RUN = "&dryRun=All"
_TIMEOUT = 15
_PLURALS = {"NetworkPolicy": "networkpolicies"}


class ApiError(Exception):
    """The API server said no."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class ApiAway(OSError):
    """The API server can't be reached, or broke off."""


class Client:
    """Requests by path and document; each raises ApiAway where there is no answer."""

    def __init__(self, login: Login) -> None:
        self._login = login

    @property
    def host(self) -> str:
        """The API server's address."""
        return self._login.host

    async def close(self) -> None:
        """Close the connections."""
        await self._login.close()

    async def get(self, path: str) -> Object:
        """One document, or a list of them; raises ApiError, 404 if there is none."""
        return await self._call("GET", path)

    async def apply(
        self, document: Object, *, manager: str = FIELD_MANAGER, force: bool = True, dry_run: bool = False
    ) -> Object:
        """Server-side apply: what the document names becomes so, everything else stays.

        Without force it raises ApiError, 409, for a field that another manager has set otherwise.
        """
        query = f"fieldManager={manager}&force={str(force).lower()}{_DRY_RUN if dry_run else ''}"
        return await self._call("PATCH", f"{path_of(document)}?{query}", document, _APPLY)

    async def apply_status(self, document: Object) -> Object:
        """Server-side apply of the status alone."""
        return await self._call(
            "PATCH", f"{path_of(document)}/status?fieldManager={FIELD_MANAGER}-status&force=true", document, _APPLY
        )

    async def merge(self, document: Object, change: Object) -> Object:
        """Change some fields of a document that is there (JSON merge patch); raises ApiError, 404 if it isn't."""
        return await self._call("PATCH", path_of(document), change, _MERGE)

    async def create(self, document: Object) -> Object:
        """Create; raises ApiError, 409 if it exists."""
        return await self._call("POST", path_of(document).rpartition("/")[0], document)

    async def replace(self, document: Object, *, manager: str = FIELD_MANAGER, dry_run: bool = False) -> Object:
        """Replace the version that was read; raises ApiError, 409 if someone else was faster."""
        query = f"fieldManager={manager}{_DRY_RUN if dry_run else ''}"
        return await self._call("PUT", f"{path_of(document)}?{query}", document)

    async def delete(self, document: Object) -> None:
        """Delete, and have the garbage collector take what it owns; no error if it is gone."""
        try:
            await self._call("DELETE", f"{path_of(document)}?propagationPolicy=Background")
        except ApiError as error:
            if error.status != 404:
                raise

    async def patch(self, path: str, operations: list[Object], manager: str) -> Object:
        """JSON Patch (RFC 6902); raises ApiError, 422 if a test in it fails."""
        return await self._call("PATCH", f"{path}?fieldManager={manager}", operations, "application/json-patch+json")

    async def text(self, path: str) -> str:
        """What a path answers, as it is: a pod's page, or its log."""
        return (await self._data("GET", path)).decode(errors="replace")

    async def lines(self, path: str, *, silent: float) -> AsyncGenerator[bytes, None]:
        """The lines of an answer that goes on; raises TimeoutError after so many seconds without one."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_TIMEOUT, sock_read=silent)
        with _told():
            response = await self._login.request("GET", path, {"Accept": "application/json"}, None, timeout)
        try:
            if response.status != 200:
                with _told():
                    raise ApiError(response.status, _message(await response.read()))
            while line := await self._line(response.content):
                yield line
        finally:
            response.close()

    @staticmethod
    async def _line(content: aiohttp.StreamReader) -> bytes:
        with _told():
            return await content.readline()

    async def _call(
        self, method: str, path: str, body: Object | list[Object] | None = None, content_type: str = "application/json"
    ) -> Object:
        found: Object = json.loads(await self._data(method, path, body, content_type))
        return found

    async def _data(
        self, method: str, path: str, body: Object | list[Object] | None = None, content_type: str = "application/json"
    ) -> bytes:
        headers = {"Content-Type": content_type, "Accept": "application/json"}
        with _told():
            response = await self._login.request(method, path, headers, body, _TIMEOUT)
            data = await response.read()
        if not 200 <= response.status < 300:
            raise ApiError(response.status, _message(data))
        return data


@contextmanager
def _told() -> Iterator[None]:
    """What aiohttp raises when a connection fails, not all of which is an OSError."""
    try:
        yield
    except TimeoutError:
        raise ApiAway("no answer in time") from None
    except aiohttp.ClientError as error:
        raise ApiAway(str(error) or type(error).__name__) from error


async def connect() -> Client:
    """Log in as the pod's service account, or by the user's kubeconfig."""
    if "KUBECONFIG" not in os.environ and (own := account()) is not None:
        return Client(own)
    from kubernetes.aio import config  # noqa: PLC0415  (not for pods)
    from kubernetes.aio.client import Configuration  # noqa: PLC0415

    configuration = Configuration()
    await config.load_kube_config(client_configuration=configuration)
    return Client(KubeConfig(configuration))


def path_of(document: Object) -> str:
    """Where a document lives."""
    group, kind = document["apiVersion"], document["kind"]
    root = "/api/v1" if group == "v1" else f"/apis/{group}"
    plural = _PLURALS.get(kind, f"{kind.lower()}s")
    metadata = document["metadata"]
    return f"{root}/namespaces/{metadata['namespace']}/{plural}/{metadata['name']}"


def _message(data: bytes) -> str:
    try:
        return str(json.loads(data)["message"])
    except (ValueError, KeyError, TypeError):
        return data.decode(errors="replace")[:300]
