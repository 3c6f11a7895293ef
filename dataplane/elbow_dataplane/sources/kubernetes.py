"""A cluster as the source: the proxy's ConfigMap, the Secrets it names, and the endpoints of its Services."""

import asyncio
import base64
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

from elbow_api.fault import Fault, Refused
from elbow_api.listener import Listener
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
        self._served: dict[str, tuple[Listener, list[bytes]]] = {}
        """Listeners by name, as each last had all its certificates, and those."""
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
        """The certificates there are. A listener that lacks one goes on with those it had, or is left out; the rest goes on."""
        served, missing = self._served, []
        self._served = {}
        for listener in config.spec.listeners:
            found, faults = self._pairs(listener)
            if not faults:
                self._served[listener.name] = listener, found
            elif (last := served.get(listener.name)) and last[1]:
                self._served[listener.name] = _with_tls_of(listener, last[0]), last[1]
            # Where proxies tell both, the status has the first by the alphabet.
            then = "the certificates it had go on" if listener.name in self._served else "its port is closed meanwhile"
            missing += [f"listener {listener.name}: {fault}; {then}" for fault in faults]
        files = {
            certificate_name(name, n): pem for name, (_, pems) in self._served.items() for n, pem in enumerate(pems)
        }
        if not missing:
            return config, files, []
        kept = [listener for listener, _ in self._served.values()]
        return config.model_copy(update={"spec": config.spec.model_copy(update={"listeners": kept})}), files, missing

    def _pairs(self, listener: Listener) -> tuple[list[bytes], list[str]]:
        """A listener's certificates with their keys, and what is wrong with the Secrets of those that can't be had."""
        found, faults = [], []
        for certificate in listener.tls.certificates if listener.tls else []:
            try:
                found.append(_pem(self._object("Secret", str(certificate.secret_name))))
            except Refused as refused:
                faults.append(f"Secret {certificate.secret_name} {refused.faults[0].message}")
        return found, faults


def _with_tls_of(listener: Listener, last: Listener) -> Listener:
    """A listener with the certificates another had."""
    if listener.tls is None or last.tls is None:
        return listener
    tls = listener.tls.model_copy(update={"certificates": last.tls.certificates})
    return listener.model_copy(update={"tls": tls})


def _pem(secret: Object | None) -> bytes:
    if secret is None:
        raise Refused([Fault((), "doesn't exist")])
    data = secret.get("data") or {}
    try:
        pem = base64.b64decode(data["tls.crt"]) + b"\n" + base64.b64decode(data["tls.key"])
    except KeyError as error:
        raise Refused([Fault((), f"has no {error.args[0]}")]) from None
    try:
        check_pair(pem, ())
    except Refused as refused:
        raise Refused([Fault((), f"is {refused.faults[0].message}")]) from None
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
