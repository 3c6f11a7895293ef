"""A client of the API server for plain documents; login, retries and token renewal are the kubernetes package's."""

import json
import os
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration

Object = dict[str, Any]
FIELD_MANAGER = "elbow"
_APPLY = "application/apply-patch+yaml"
_TIMEOUT = 15
_PLURALS = {"NetworkPolicy": "networkpolicies", "LoadBalancer": "loadbalancers", "Lease": "leases"}


class ApiError(Exception):
    """The API server said no."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class Client:
    """Requests by path and document."""

    def __init__(self, configuration: Configuration) -> None:
        self._api = ApiClient(configuration)

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()

    async def get(self, path: str) -> Object:
        """One document, or a list of them; raises ApiError, 404 if there is none."""
        return await self._call("GET", path)

    async def apply(self, document: Object) -> Object:
        """Server-side apply: what the document names becomes so, everything else stays."""
        return await self._call(
            "PATCH", f"{path_of(document)}?fieldManager={FIELD_MANAGER}&force=true", document, _APPLY
        )

    async def apply_status(self, document: Object) -> Object:
        """Server-side apply of the status alone."""
        return await self._call(
            "PATCH", f"{path_of(document)}/status?fieldManager={FIELD_MANAGER}-status&force=true", document, _APPLY
        )

    async def create(self, document: Object) -> Object:
        """Create; raises ApiError, 409 if it exists."""
        return await self._call("POST", path_of(document).rpartition("/")[0], document)

    async def replace(self, document: Object) -> Object:
        """Replace the version that was read; raises ApiError, 409 if someone else was faster."""
        return await self._call("PUT", path_of(document), document)

    async def delete(self, document: Object) -> None:
        """Delete, and have the garbage collector take what it owns; no error if it is gone."""
        try:
            await self._call("DELETE", f"{path_of(document)}?propagationPolicy=Background")
        except ApiError as error:
            if error.status != 404:
                raise

    async def lines(self, path: str, *, silent: float) -> AsyncIterator[bytes]:
        """The lines of an answer that goes on; raises TimeoutError after so many seconds without one."""
        headers = {"Accept": "application/json"}
        await self._api.update_params_for_auth(headers, [], ["BearerToken"], path, "GET", None)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_TIMEOUT, sock_read=silent)
        response = await self._api.rest_client.request(
            "GET", self._api.configuration.host + path, headers=headers, _request_timeout=timeout
        )
        try:
            if response.status != 200:
                raise ApiError(response.status, _message(await response.read()))
            while line := await response.response.content.readline():
                yield line
        finally:
            response.response.close()

    async def _call(
        self, method: str, path: str, body: Object | None = None, content_type: str = "application/json"
    ) -> Object:
        headers = {"Content-Type": content_type, "Accept": "application/json"}
        await self._api.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
        url = self._api.configuration.host + path
        response = await self._api.rest_client.request(
            method, url, headers=headers, body=body, _request_timeout=_TIMEOUT
        )
        data = await response.read()
        if not 200 <= response.status < 300:
            raise ApiError(response.status, _message(data))
        found: Object = json.loads(data)
        return found


async def connect() -> Client:
    """Log in as the pod's service account, or by the user's kubeconfig."""
    configuration = Configuration()
    # Authorities of real clusters lack key identifiers and usages that Python 3.13 asks for.
    configuration.disable_strict_ssl_verification = True
    if "KUBERNETES_SERVICE_HOST" in os.environ and "KUBECONFIG" not in os.environ:
        config.load_incluster_config(client_configuration=configuration)
    else:
        await config.load_kube_config(client_configuration=configuration)
    return Client(configuration)


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
