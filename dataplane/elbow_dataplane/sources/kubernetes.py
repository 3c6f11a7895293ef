"""A cluster as the source: the proxy's ConfigMap, the Secrets it names, and the endpoints of its Services."""

import asyncio
import base64
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

from elbow_api.fault import Fault, Refused
from elbow_api.names import CONFIG_KEY
from elbow_api.proxy_config import ProxyConfig
from elbow_kube.client import Client
from elbow_kube.object import Object
from elbow_kube.watch import Change, Synced, watch

from elbow_dataplane.model.desired import Desired, certificate_name
from elbow_dataplane.model.wanted import registered_addresses
from elbow_dataplane.sources.endpoints import fault_of, targets_of
from elbow_dataplane.sources.pem import check_pair

log = logging.getLogger("elbow")

Named = tuple[str, str]
"""A kind, and the name of an object; of EndpointSlices, the name of their Service."""
_SERVICE = "kubernetes.io/service-name"


class KubernetesSource:
    """Yields what the cluster asks for, now and after each change."""

    def __init__(self, client: Client, namespace: str, config_map: str, mounted: Path) -> None:
        self.client = client
        self.namespace = namespace
        self.config_map = config_map
        self.mounted = mounted
        self._config: ProxyConfig | None = None
        self._objects: dict[Named, dict[str, Object]] = {}
        """What each watch has found, by name."""
        self._watches: dict[Named, asyncio.Task[None]] = {}
        self._synced: set[Named] = set()
        self._changed = asyncio.Event()

    async def changes(self) -> AsyncIterator[Desired | Refused]:
        """What is wanted after each change, for ever."""
        self._read_mounted()
        self._follow("ConfigMap", self.config_map)
        try:
            while True:
                await self._changed.wait()
                self._changed.clear()
                for ended in filter(asyncio.Task.done, self._watches.values()):
                    ended.result()  # a watch goes on for ever; what ended it is raised here
                if self._config is None:
                    continue
                self._follow_named(self._config)
                if self._watches.keys() <= self._synced:
                    yield self._desired(self._config)
        finally:
            for task in self._watches.values():
                task.cancel()

    def _read_mounted(self) -> None:
        """The configuration as the pod was started with: enough to begin with while the API server is away."""
        with suppress(OSError, ValueError):
            self._config = ProxyConfig.model_validate_json((self.mounted / CONFIG_KEY).read_text())
            self._changed.set()

    def _follow_named(self, config: ProxyConfig) -> None:
        """Watch just what the configuration names, and nothing it no longer names."""
        wanted = {("ConfigMap", self.config_map)}
        wanted |= {("Secret", name) for name in _secrets(config)}
        wanted |= {(kind, name) for name in _services(config) for kind in ("Service", "EndpointSlice")}
        for gone in self._watches.keys() - wanted:
            self._watches.pop(gone).cancel()
            self._synced.discard(gone)
            self._objects.pop(gone, None)
        for kind, name in wanted:
            self._follow(kind, name)

    def _follow(self, kind: str, name: str) -> None:
        if (kind, name) not in self._watches:
            task = self._watches[kind, name] = asyncio.create_task(self._watch(kind, name))
            task.add_done_callback(lambda _: self._changed.set())

    async def _watch(self, kind: str, name: str) -> None:
        root = "/apis/discovery.k8s.io/v1" if kind == "EndpointSlice" else "/api/v1"
        path = f"{root}/namespaces/{self.namespace}/{kind.lower()}s"
        labels, fields = (f"{_SERVICE}={name}", "") if kind == "EndpointSlice" else ("", f"metadata.name={name}")
        async for change in watch(self.client, path, labels, fields):
            if isinstance(change, Synced):
                self._synced.add((kind, name))
            else:
                self._take(kind, name, change)
            self._changed.set()

    def _take(self, kind: str, name: str, change: Change) -> None:
        document, found = change.document, self._objects.setdefault((kind, name), {})
        if change.gone:
            found.pop(document["metadata"]["name"], None)
        else:
            found[document["metadata"]["name"]] = document
        if kind == "ConfigMap" and not change.gone:
            try:
                self._config = ProxyConfig.model_validate_json(document["data"][CONFIG_KEY])
            except (ValueError, KeyError) as error:
                log.error("the configuration can't be read, the last good one goes on: %s", error)

    def _desired(self, config: ProxyConfig) -> Desired:
        registered = dict(registered_addresses(config))
        faults: list[str] = []
        for group in config.spec.target_groups:
            if (wanted := group.targets.service) is not None:
                service = self._object("Service", wanted.name)
                if fault := fault_of(wanted, service):
                    faults.append(f"target group {group.name}: {fault}")
                slices = self._slices(wanted.name)
                registered[group.name] = () if fault else targets_of(wanted, service, slices, config.awaited)
        usable, certificates, missing = self._certificates(config)
        return Desired(usable, registered, certificates, tuple(faults + missing))

    def _object(self, kind: str, name: str) -> Object | None:
        return self._objects.get((kind, name), {}).get(name)

    def _slices(self, service: str) -> list[Object]:
        return [document for _, document in sorted(self._objects.get(("EndpointSlice", service), {}).items())]

    def _certificates(self, config: ProxyConfig) -> tuple[ProxyConfig, dict[str, bytes], list[str]]:
        """The certificates there are; a listener that lacks its own is left out, and the rest goes on."""
        found: dict[str, bytes] = {}
        missing: list[str] = []
        lost: set[str] = set()
        for listener in config.spec.listeners:
            for n, certificate in enumerate(listener.tls.certificates if listener.tls else []):
                try:
                    found[certificate_name(listener.name, n)] = _pem(
                        self._object("Secret", str(certificate.secret_name))
                    )
                except Refused as refused:
                    missing.append(
                        f"listener {listener.name}: Secret {certificate.secret_name} {refused.faults[0].message}"
                    )
                    lost.add(listener.name)
        if not lost:
            return config, found, missing
        kept = [listener for listener in config.spec.listeners if listener.name not in lost]
        return config.model_copy(update={"spec": config.spec.model_copy(update={"listeners": kept})}), found, missing


def _pem(secret: Object | None) -> bytes:
    if secret is None:
        raise Refused([Fault((), "doesn't exist")])
    data = secret.get("data") or {}
    try:
        pem = base64.b64decode(data["tls.crt"]) + b"\n" + base64.b64decode(data["tls.key"])
    except KeyError as error:
        raise Refused([Fault((), f"has no {error.args[0]}")]) from None
    check_pair(pem, ())
    return pem


def _secrets(config: ProxyConfig) -> set[str]:
    return {
        c.secret_name
        for listener in config.spec.listeners
        if listener.tls
        for c in listener.tls.certificates
        if c.secret_name
    }


def _services(config: ProxyConfig) -> set[str]:
    return {group.targets.service.name for group in config.spec.target_groups if group.targets.service}
