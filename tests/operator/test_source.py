"""What a proxy makes of the cluster, whatever becomes of its API server: the source against one that misbehaves."""

import asyncio
import base64
import json
import queue
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import elbow_kube.watch as watching
import pytest
from elbow_api.fault import Refused
from elbow_dataplane.model.desired import Desired
from elbow_dataplane.sources.kubernetes import KubernetesSource
from elbow_kube.client import Client
from elbow_kube.login import KubeConfig
from harness.background import Background
from harness.certificates import Authority, Certificate
from harness.fake_api import FakeApi, Trouble
from harness.ports import Ports
from kubernetes.aio.client import Configuration

CONFIGS = "/api/v1/namespaces/shop/configmaps"
SECRETS = "/api/v1/namespaces/shop/secrets"
SERVICES = "/api/v1/namespaces/shop/services"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices"


class Proxy:
    """The source as a proxy's agent runs it, and what it has asked for so far."""

    def __init__(self, background: Background, url: str, mounted: Path) -> None:
        self.background = background
        self.wanted: queue.Queue[Desired | Refused | Exception] = queue.Queue()
        self.task = background.run(self._start(url, mounted))

    async def _start(self, url: str, mounted: Path) -> asyncio.Task[None]:
        return asyncio.ensure_future(self._run(url, mounted))

    async def _run(self, url: str, mounted: Path) -> None:
        client = Client(KubeConfig(Configuration(host=url)))
        try:
            async for desired in KubernetesSource(client, "shop", "elb-web", mounted).changes():
                self.wanted.put(desired)
        except Exception as error:
            self.wanted.put(error)
            raise
        finally:
            await client.close()

    def until(self, *addresses: str, limit: float = 10) -> Desired:
        """Wait until these are the targets of the group `web`."""
        seen: list[str] = []
        while True:
            try:
                found = self.wanted.get(timeout=limit)
            except queue.Empty:
                raise AssertionError(f"{addresses} did not become the targets within {limit} s; last {seen}") from None
            assert isinstance(found, Desired), found
            seen = [target.ip for target in found.registered["web"]]
            if seen == list(addresses):
                return found

    def stop(self) -> None:
        async def stopped() -> None:
            self.task.cancel()
            await asyncio.wait({self.task})

        self.background.run(stopped())


@pytest.fixture
def api(background: Background, ports: Ports, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApi]:
    monkeypatch.setattr(watching, "_RETRY_MOST", 0.5)
    monkeypatch.setattr(watching, "_SILENT", 2.0)
    monkeypatch.setattr(watching.watch, "__kwdefaults__", {**watching.watch.__kwdefaults__, "silent": 2.0})
    api = FakeApi(background, ports)
    api.start()
    api.put(CONFIGS, config_map("web"))
    api.put(SERVICES, service("web"))
    api.put(SLICES, piece("web", "10.0.0.1"))
    yield api
    api.stop()


@pytest.fixture
def start(background: Background, api: FakeApi, tmp_path: Path) -> Iterator[Callable[[], Proxy]]:
    started: list[Proxy] = []

    def begin() -> Proxy:
        started.append(Proxy(background, api.url, tmp_path))
        return started[-1]

    yield begin
    for one in started:
        one.stop()


def config_map(*services: str, port: int | str = 80) -> dict[str, Any]:
    """Groups of the names of their Services; the first is `web`."""
    groups = [
        {"name": "web" if n == 0 else name, "protocol": "HTTP", "targets": {"service": {"name": name, "port": port}}}
        for n, name in enumerate(services)
    ]
    listeners = [{"name": "http", "protocol": "HTTP", "port": 80, "targetGroup": "web"}]
    spec = {"listeners": listeners, "targetGroups": groups}
    config = {"name": "web", "namespace": "shop", "generation": 1, "spec": spec}
    data = {"config.json": json.dumps(config)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "elb-web"}, "data": data}


def service(name: str) -> dict[str, Any]:
    ports = [{"name": "http", "port": 80}]
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"ports": ports}}


def piece(of: str, *addresses: str, name: str = "") -> dict[str, Any]:
    endpoints = [{"addresses": [address], "conditions": {"ready": True}} for address in addresses]
    meta = {"name": name or f"{of}-1", "labels": {"kubernetes.io/service-name": of}}
    kind = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4"}
    return {**kind, "metadata": meta, "ports": [{"name": "http", "port": 8080}], "endpoints": endpoints}


def test_targets_come_and_go(api: FakeApi, start: Callable[[], Proxy]) -> None:
    proxy = start()
    proxy.until("10.0.0.1")
    api.put(SLICES, piece("web", "10.0.0.1", "10.0.0.2"))
    proxy.until("10.0.0.1", "10.0.0.2")
    api.put(SLICES, piece("web", "10.0.0.9", name="web-2"))
    proxy.until("10.0.0.1", "10.0.0.2", "10.0.0.9")
    api.remove(SLICES, "web-1")
    proxy.until("10.0.0.9")


@pytest.mark.parametrize("trouble", [Trouble.THROTTLING, Trouble.EXPIRED, Trouble.BROKEN, Trouble.COMPACTED])
def test_what_happened_during_a_trouble_is_known_after_it(
    api: FakeApi, start: Callable[[], Proxy], trouble: Trouble
) -> None:
    proxy = start()
    proxy.until("10.0.0.1")
    api.now(trouble)
    if trouble in (Trouble.THROTTLING, Trouble.EXPIRED):
        api.stop()  # what is open goes on otherwise
        api.start()
    api.put(SLICES, piece("web", "10.0.0.2"))
    api.put(SLICES, piece("web", "10.0.0.9", name="web-2"))
    api.remove(SLICES, "web-1")
    api.now(Trouble.NONE)
    proxy.until("10.0.0.9")
    api.put(SLICES, piece("web", "10.0.0.3", name="web-2"))
    proxy.until("10.0.0.3")


def test_an_api_server_that_is_away_leaves_everything_as_it_was(api: FakeApi, start: Callable[[], Proxy]) -> None:
    proxy = start()
    proxy.until("10.0.0.1")
    api.stop()
    with pytest.raises(queue.Empty):
        proxy.wanted.get(timeout=1.5)
    api.put(SLICES, piece("web", "10.0.0.7"))
    api.start()
    proxy.until("10.0.0.7")


def test_a_slow_api_server_is_waited_for(api: FakeApi, start: Callable[[], Proxy]) -> None:
    api.now(Trouble.SLOW)
    proxy = start()
    proxy.until("10.0.0.1")
    api.put(SLICES, piece("web", "10.0.0.2"))
    proxy.until("10.0.0.2")


def test_a_watch_that_went_silent_is_begun_anew(api: FakeApi, start: Callable[[], Proxy]) -> None:
    proxy = start()
    proxy.until("10.0.0.1")
    api.now(Trouble.SILENT)
    api.put(SLICES, piece("web", "10.0.0.2"))
    proxy.until("10.0.0.2")  # by a list: its watches tell nothing


def test_an_api_server_that_is_away_at_the_start_is_waited_for(api: FakeApi, start: Callable[[], Proxy]) -> None:
    api.stop()
    proxy = start()
    with pytest.raises(queue.Empty):
        proxy.wanted.get(timeout=0.7)
    api.start()
    proxy.until("10.0.0.1")


def test_a_service_that_is_deleted_and_comes_back(api: FakeApi, start: Callable[[], Proxy]) -> None:
    proxy = start()
    proxy.until("10.0.0.1")
    api.remove(SERVICES, "web")
    api.remove(SLICES, "web-1")
    while (gone := proxy.until()).faults != ("target group web: Service web doesn't exist",):
        pass
    assert gone.registered["web"] == ()
    api.put(SERVICES, service("web"))
    api.put(SLICES, piece("web", "10.0.0.5"))
    assert proxy.until("10.0.0.5").faults == ()


def secure(*secrets: str, generation: int = 1) -> dict[str, Any]:
    """The group `web` behind HTTP, and behind HTTPS with these certificates."""
    document = config_map("web")
    config = json.loads(document["data"]["config.json"]) | {"generation": generation}
    tls = {"certificates": [{"secretName": name} for name in secrets]}
    https = {"name": "https", "protocol": "HTTPS", "port": 443, "targetGroup": "web", "tls": tls}
    config["spec"]["listeners"].append(https)
    document["data"]["config.json"] = json.dumps(config)
    return document


def secret(name: str, pair: Certificate, **other: str) -> dict[str, Any]:
    data = {"tls.crt": pair.chain.read_text(), "tls.key": pair.key.read_text(), **other}
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": encoded}


def has(desired: Desired) -> tuple[list[str], list[str]]:
    """Its listeners, and its certificates' files."""
    return [listener.name for listener in desired.config.spec.listeners], list(desired.certificates)


CLOSED, GOES_ON = "its port is closed meanwhile", "the certificates it had go on"


def test_a_listener_that_never_had_its_certificates_is_left_out(
    api: FakeApi, start: Callable[[], Proxy], authority: Authority
) -> None:
    api.put(CONFIGS, secure("shop", "bank"))
    api.put(SECRETS, secret("shop", authority.issue("shop.example")))
    first = start().until("10.0.0.1")
    assert has(first) == (["http"], [])
    assert first.faults == (f"listener https: Secret bank doesn't exist; {CLOSED}",)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda api, _: api.remove(SECRETS, "shop"), "Secret shop doesn't exist"),
        (
            lambda api, pair: api.put(SECRETS, secret("shop", pair, **{"tls.crt": ""})),
            "Secret shop is not a PEM certificate with its unencrypted private key;",
        ),
        (lambda api, _: api.put(CONFIGS, secure("shop", "bank", generation=2)), "Secret bank doesn't exist"),
        (lambda api, _: api.put(CONFIGS, secure("bank", generation=2)), "Secret bank doesn't exist"),
    ],
    ids=["deleted", "broken", "one-more", "another"],
)
def test_a_listener_whose_certificates_can_be_had_no_more_goes_on_with_those_it_had(
    api: FakeApi, start: Callable[[], Proxy], authority: Authority, change: Any, fault: str
) -> None:
    pair = authority.issue("shop.example")
    api.put(CONFIGS, secure("shop"))
    api.put(SECRETS, secret("shop", pair))
    proxy = start()
    first = proxy.until("10.0.0.1")
    assert (has(first), first.faults) == ((["http", "https"], ["https-0.pem"]), ())
    change(api, pair)
    while not (found := proxy.until("10.0.0.1")).faults:
        pass
    assert found.faults[0].startswith(f"listener https: {fault}")
    assert found.faults[0].endswith(f"; {GOES_ON}")
    assert (has(found), found.certificates) == (has(first), first.certificates)
    api.put(CONFIGS, secure("bank", generation=3))
    api.put(SECRETS, secret("bank", authority.issue("bank.example")))
    while (found := proxy.until("10.0.0.1")).faults:
        pass
    assert found.certificates != first.certificates
    assert has(found) == has(first)


def test_a_listener_that_was_taken_away_has_no_certificates_of_old(
    api: FakeApi, start: Callable[[], Proxy], authority: Authority
) -> None:
    api.put(CONFIGS, secure("shop"))
    api.put(SECRETS, secret("shop", authority.issue("shop.example")))
    proxy = start()
    proxy.until("10.0.0.1")
    api.put(CONFIGS, config_map("web"))
    assert has(proxy.until("10.0.0.1")) == (["http"], [])
    api.put(CONFIGS, secure("bank"))
    while not (found := proxy.until("10.0.0.1")).faults:
        pass
    assert (has(found), found.faults) == ((["http"], []), (f"listener https: Secret bank doesn't exist; {CLOSED}",))


def test_what_a_group_used_before_is_forgotten(api: FakeApi, start: Callable[[], Proxy]) -> None:
    """Its endpoints may have changed while nobody watched them."""
    api.put(SERVICES, service("other"))
    api.put(SLICES, piece("other", "10.0.0.100"))
    proxy = start()
    proxy.until("10.0.0.1")
    api.put(CONFIGS, config_map("other"))
    proxy.until("10.0.0.100")
    api.put(SLICES, piece("web", "10.0.0.2", name="web-2"))
    api.remove(SLICES, "web-1")
    api.put(CONFIGS, config_map("web"))
    proxy.until("10.0.0.2")


def test_only_what_is_named_is_asked_for(api: FakeApi, start: Callable[[], Proxy]) -> None:
    proxy = start()
    proxy.until("10.0.0.1")
    assert {request.partition(" ")[2] for request in api.requests} == {CONFIGS, SERVICES, SLICES}


def test_fifty_groups_are_followed_each(api: FakeApi, start: Callable[[], Proxy]) -> None:
    """Each watch is a connection, and none waits for another to end."""
    names = ["web", *(f"s{n}" for n in range(49))]
    for name in names:
        api.put(SERVICES, service(name))
        api.put(SLICES, piece(name, "10.0.0.1"))
    api.put(CONFIGS, config_map(*names))
    proxy = start()
    proxy.until("10.0.0.1")
    for name in names:
        api.put(SLICES, piece(name, "10.0.0.2"))
    found = proxy.until("10.0.0.2")
    while {target.ip for targets in found.registered.values() for target in targets} != {"10.0.0.2"}:
        found = proxy.until("10.0.0.2")


def test_a_thousand_slices_come_page_by_page(api: FakeApi, start: Callable[[], Proxy]) -> None:
    for n in range(1000):
        api.put(SLICES, piece("web", f"10.1.{n // 250}.{n % 250}", name=f"web-{n:04}"))
    proxy = start()
    found = proxy.wanted.get(timeout=20)
    assert isinstance(found, Desired)
    assert len(found.registered["web"]) == 1001
    assert api.requests.count(f"LIST {SLICES}") == 21
