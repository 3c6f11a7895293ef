"""A real API server and the models accept and refuse the same manifests, defaults included."""

import copy
from typing import Any

import pytest
from elbow_api.fault import Refused
from elbow_api.load_balancer import parse
from harness.api_server import ApiServer

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

_PATH = "/apis/elbow.dev/v1alpha1/namespaces/default/loadbalancers"
_GONE = object()


def manifest(**changes: Any) -> dict[str, Any]:
    """A manifest that is accepted, changed at paths like listeners.0.port."""
    document: dict[str, Any] = {
        "apiVersion": "elbow.dev/v1alpha1",
        "kind": "LoadBalancer",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "listeners": [
                {"name": "http", "protocol": "HTTP", "port": 80, "targetGroup": "web"},
                {
                    "name": "tls",
                    "protocol": "TLS",
                    "port": 443,
                    "targetGroup": "db",
                    "tls": {"certificates": [{"secretName": "cert"}]},
                },
            ],
            "targetGroups": [
                {"name": "web", "protocol": "HTTP", "targets": {"service": {"name": "web", "port": 80}}},
                {"name": "db", "protocol": "TCP", "targets": {"addresses": [{"ip": "192.0.2.1", "port": 1}]}},
            ],
        },
    }
    for path, value in changes.items():
        _set(document["spec"], path.split("."), value)
    return document


def _set(node: Any, path: list[str], value: Any) -> None:
    *way, last = path
    for step in way:
        node = node[int(step)] if isinstance(node, list) else node.setdefault(step, {})
    if isinstance(node, list):
        node[int(last) : int(last) + 1] = [] if value is _GONE else [value]
    elif value is _GONE:
        node.pop(last, None)
    else:
        node[last] = value


def told(api: ApiServer, document: dict[str, Any]) -> tuple[bool, str, dict[str, Any]]:
    answer = api.http.post(_PATH, params={"dryRun": "All", "fieldValidation": "Strict"}, json=document)
    assert answer.status_code in (201, 400, 422), answer.text
    return answer.status_code == 201, answer.text, answer.json()


def says(document: dict[str, Any]) -> tuple[bool, str]:
    try:
        parse(copy.deepcopy(document))
    except Refused as refused:
        return False, str(refused)
    return True, ""


_G, _L = "targetGroups.0.", "listeners.0."
_IP = "targetGroups.1.targets.addresses.0.ip"
_HTTPS = {_L + "protocol": "HTTPS", _L + "tls": {"certificates": [{"secretName": "cert"}]}}
_QUIET = {"name": "launch", "start": "2030-01-31T18:00:00Z", "end": "2030-01-31T20:00:00Z"}
_LAUNCH = _QUIET | {"requestsPerSecond": 10_000, "bytesPerRequest": 20_000}
_GOOD: list[dict[str, Any]] = [
    {},
    {"scheme": "internal"},
    {"zones": ["zone-a", "zone-b"]},
    {"zonalShift": {"awayFrom": "zone-a", "until": "2026-01-31T18:00:00Z", "reason": "a test"}},
    {"zonalShift": {"awayFrom": "zone-a", "until": "2026-01-31T18:00:00+02:00"}},
    {"deregisteredTargets": []},
    {"deregisteredTargets": [{"targetGroup": "web", "pod": "web-1", "reason": "a test"}]},
    {"deregisteredTargets": [{"targetGroup": "db", "ip": "192.0.2.1"}, {"targetGroup": "none", "node": "a1"}]},
    {"deregisteredTargets": [{"targetGroup": "db", "ip": "192.0.2.1", "port": 1}]},
    {"crossZone": "disabled", "targetGroups.1.targets.addresses.0.zone": "zone-a"},
    {"allowedSources": ["10.0.0.0/8", "192.0.2.7/32"]},
    {"allowedSources": ["fd00::/8"]},
    {"capacity": {}},
    {"capacity": {"minimumUnits": 1, "reservations": []}},
    {"capacity": {"reservations": [_LAUNCH, {**_LAUNCH, "name": "again", "tlsPercent": 0, "note": "a test"}]}},
    {"capacity": {"reservations": [{**_LAUNCH, "end": "2030-01-31T18:30:00-01:00"}]}},
    {"capacity": {"reservations": [_QUIET | {"connectionsPerSecond": 1}]}},
    {"proxy": {"replicas": 1, "maxReplicas": 1}},
    {"proxy": {"resources": {"limits": {"memory": "1Gi", "cpu": 2}}, "tolerations": [{"key": "x"}]}},
    *(
        {"proxy": {"resources": {"requests": {"cpu": q}}}}
        for q in (0, 2, "0", "500m", "1.5", ".5", "1e3", "2E-3", "3E")
    ),
    {"proxy": {"resources": {}}},
    *({"exposure": {"type": kind}} for kind in ("LoadBalancer", "NodePort", "ClusterIP", "HostPort")),
    {"exposure": {"externalTrafficPolicy": "Local", "annotations": {"a/b": "c"}}},
    {_L + "port": 1},
    {_L + "port": 65535},
    {_L + "idleTimeout": "4000s"},
    {_L + "idleTimeout": "1h"},
    {"listeners.1.idleTimeout": "6000s"},
    {_L + "clientKeepAlive": "7d"},
    {_L + "clientKeepAlive": "1m"},
    {_L + "http": {"xForwardedFor": "append", "xForwardedForClientPort": True}},
    {_L + "http": {"desyncMitigation": "strictest", "dropInvalidHeaders": True}},
    {"listeners.1.tls.policy": "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"},
    {_G + "targets": {"service": {"name": "web", "port": "http"}}},
    {_G + "targets": {"nodes": {"selector": {"disk": "ssd"}, "port": 30080}}},
    {_G + "targets": {"nodes": {"port": 30080}}},
    {_G + "targets": {"service": {"name": "web", "port": "8443-tls"}}},
    {_G + "tls": {"serverName": "a.b.example.com"}, _G + "protocol": "HTTPS"},
    {_G + "slowStart": "0ms", _G + "algorithm": "least_outstanding_requests"},
    {_G + "algorithm": "least_outstanding_requests"},
    {_G + "slowStart": "30s"},
    {_G + "slowStart": "15m"},
    {_G + "healthCheck": {"path": "/healthz?full=1", "interval": "5s", "timeout": "4s"}},
    {_G + "healthCheck": {"interval": "300s", "timeout": "120s"}},
    {_G + "healthCheck": {"interval": "1s", "timeout": "500ms"}},
    {_G + "healthCheck": {"port": 8080, "matcher": "200-299,301", "protocol": "HTTPS"}},
    {_G + "healthCheck": {"matcher": ",".join(["200-200"] * 50)}},
    {_G + "healthCheck": {"matcher": "0-99"}, _G + "protocolVersion": "GRPC", **_HTTPS},
    {_G + "healthCheck": {"matcher": "007,12"}, _G + "protocolVersion": "GRPC", **_HTTPS},
    {_G + "healthCheck": {"port": "traffic-port", "healthyThreshold": 1, "unhealthyThreshold": 10}},
    {_G + "stickiness": {"type": "lb_cookie"}},
    {_G + "stickiness": {"type": "lb_cookie", "duration": "7d"}},
    {_G + "stickiness": {"type": "app_cookie", "cookieName": "SESSION"}},
    {"targetGroups.1.stickiness": {"type": "source_ip", "duration": "1s"}},
    {_G + "deregistrationDelay": "0s"},
    {_G + "deregistrationDelay": "1h"},
    {_G + "deregistrationDelay": "59m60s"},
    {_G + "minimumHealthy": {"dns": 2, "routing": "50%"}},
    {_G + "minimumHealthy": {"dns": "100%"}},
    {_G + "failOpen": False},
    {_G + "maxConnectionsPerTarget": 100000},
    {_G + "surgeQueue": {"length": 0, "timeout": "1s"}},
    {"targetGroups.1.proxyProtocol": "v2"},
    {_G + "unhealthyDrainingInterval": "100h"},
    {_G + "unhealthyDrainingInterval": "4d"},
    {_G + "unhealthyConnectionTermination": True},
    {"targetGroups.1.targets.addresses.0": {"ip": "fd00::1", "port": 65535, "weight": 256, "zone": "z"}},
    *({_IP: ip} for ip in ("127.0.0.1", "::1", "169.254.169.254", "240.0.0.1", "64:ff9b::a00:1", "fd00::")),
    {"targetGroups.1.targets.addresses": [{"ip": "192.0.2.1", "port": 1}, {"ip": "192.0.2.1", "port": 2}]},
    {"allowedSources": ["10.1.2.3/8", "2001:DB8::1/32", "0.0.0.0/0", "::/0"]},
]
_BAD: list[dict[str, Any]] = [
    {"unknown": 1},
    {_L + "unknown": 1},
    {_G + "healthCheck": {"unknown": 1}},
    {"scheme": "public"},
    {"zones": []},
    {"zones": ["a", "a"]},
    {"zones": ["not a zone"]},
    {"zonalShift": {"awayFrom": "zone-a"}},
    {"deregisteredTargets": [{"targetGroup": "web"}]},
    {"deregisteredTargets": [{"pod": "web-1"}]},
    {"deregisteredTargets": [{"targetGroup": "web", "pod": "web-1", "ip": "192.0.2.1"}]},
    {"deregisteredTargets": [{"targetGroup": "web", "pod": "web-1", "port": 1}]},
    {"deregisteredTargets": [{"targetGroup": "db", "ip": "192.0.2.1", "port": 0}]},
    {"deregisteredTargets": [{"targetGroup": "db", "ip": "example.com"}]},
    {"zonalShift": {"awayFrom": "zone-a", "until": "tomorrow"}},
    {"zonalShift": {"awayFrom": "zone-a", "until": "2026-13-31T18:00:00Z"}},
    {"crossZone": "disabled"},
    {"crossZone": True},
    {"allowedSources": ["10.0.0.0"]},
    {"allowedSources": ["300.0.0.0/8"]},
    {"allowedSources": ["10.0.0.0/08"]},
    {"allowedSources": ["10.0.0.0/33"]},
    {"allowedSources": ["10.0.0.0/255.0.0.0"]},
    {"allowedSources": ["::ffff:10.0.0.0/104"]},
    {"zonalShift": {"awayFrom": "zone-a", "until": "2026-02-30T18:00:00Z"}},
    {"zonalShift": {"awayFrom": "zone-a", "until": "2026-01-31T24:00:00Z"}},
    {"zonalShift": {"awayFrom": "zone-a", "until": "2026-01-31T18:00:60Z"}},
    {"zonalShift": {"awayFrom": "zone-a", "until": "2026-01-31T18:00:00+25:00"}},
    {"zonalShift": {"awayFrom": "zone-a", "until": "2026-01-31T18:00:00+02:60"}},
    {"zonalShift": {"awayFrom": "zone-a", "until": "2026-01-31 18:00:00Z"}},
    {"allowedSources": []},
    {"proxy": {"replicas": 0}},
    {"proxy": {"replicas": 3, "maxReplicas": 2}},
    {"proxy": {"replicas": "2"}},
    *(
        {"proxy": {"resources": {"limits": {"memory": q}}}}
        for q in ("lots", "", "1 Gi", "1gi", "-1", "1e", ".", "1" * 33)
    ),
    {"proxy": {"resources": {"memory": "1Gi"}}},
    {"exposure": {"type": "Anycast"}},
    {"exposure": {"externalTrafficPolicy": "Remote"}},
    {"listeners": []},
    {"listeners": _GONE},
    {"targetGroups": []},
    {_L + "name": "Not A Label"},
    {_L + "name": "tls"},
    {_L + "port": 0},
    {_L + "port": 65536},
    {_L + "port": 443},
    {_L + "port": "80"},
    {_L + "protocol": "UDP"},
    {_L + "targetGroup": "none"},
    {"capacity": {"minimumUnits": 0}},
    {"capacity": {"reservations": [_LAUNCH, _LAUNCH]}},
    {"capacity": {"reservations": [_QUIET]}},
    {"capacity": {"reservations": [_LAUNCH]}, _L + "protocol": "TCP", _G + "protocol": "TCP"},
    {"capacity": {"reservations": [{**_LAUNCH, "end": "2030-01-31T18:00:00Z"}]}},
    {"capacity": {"reservations": [{**_LAUNCH, "end": "2030-01-31T18:30:00+01:00"}]}},
    {"capacity": {"reservations": [{**_LAUNCH, "start": "tomorrow"}]}},
    {"capacity": {"reservations": [{**_LAUNCH, "start": "2030-02-31T18:00:00Z"}]}},
    {"capacity": {"reservations": [{**_LAUNCH, "name": "Launch"}]}},
    {"capacity": {"reservations": [{**_LAUNCH, "tlsPercent": 101}]}},
    {"capacity": {"reservations": [{**_LAUNCH, "requestsPerSecond": 0}]}},
    {"capacity": {"reservations": [{**_LAUNCH, "units": 5}]}},
    {_L + "targetGroup": "db"},
    {_L + "targetGroup": _GONE},
    {_L + "idleTimeout": "4001s"},
    {_L + "idleTimeout": "0s"},
    {_L + "idleTimeout": "soon"},
    {_L + "idleTimeout": 60},
    {"listeners.1.idleTimeout": "59s"},
    {"listeners.1.http": {}},
    {"listeners.1.clientKeepAlive": "1h"},
    {_L + "clientKeepAlive": "8d"},
    {_L + "clientKeepAlive": "59s"},
    {_L + "tls": {"certificates": [{"secretName": "cert"}]}},
    {"listeners.1.tls": _GONE},
    {"listeners.1.tls.certificates": []},
    {"listeners.1.tls.certificates.0": {}},
    {"listeners.1.tls.policy": "ELBSecurityPolicy-Best"},
    {_L + "http": {"xForwardedFor": "remove", "xForwardedForClientPort": True}},
    {_G + "name": "db"},
    {_G + "protocol": "TCP"},
    {_G + "protocolVersion": "HTTP2"},
    {_G + "protocolVersion": "GRPC"},
    {_G + "targets": {}},
    {_G + "targets": {"service": {"name": "web", "port": 80}, "nodes": {"port": 1}}},
    {_G + "targets": {"service": {"name": "web"}}},
    {_G + "targets": {"service": {"name": "web", "port": 0}}},
    {_G + "targets": {"service": {"name": "web", "port": "NOT_A_PORT"}}},
    *({_G + "targets": {"service": {"name": "web", "port": port}}} for port in ("-a", "a-", "80", "a" * 16, "")),
    *(
        {_G + "tls": {"serverName": name}, _G + "protocol": "HTTPS"}
        for name in ("a..b", "a.", ".a", "-a.b", "a-.b", f"{'a' * 64}.b", "*.a")
    ),
    {_G + "algorithm": "random"},
    {_G + "slowStart": "29s"},
    {_G + "slowStart": "16m"},
    {_G + "slowStart": "60s", _G + "algorithm": "least_outstanding_requests"},
    {_G + "healthCheck": {"interval": "5s", "timeout": "5s"}},
    {_G + "healthCheck": {"interval": "500ms"}},
    {_G + "healthCheck": {"interval": "301s"}},
    {_G + "healthCheck": {"timeout": "499ms"}},
    {_G + "healthCheck": {"healthyThreshold": 0}},
    {_G + "healthCheck": {"unhealthyThreshold": 11}},
    {_G + "healthCheck": {"path": "healthz"}},
    {_G + "healthCheck": {"port": 0}},
    {_G + "healthCheck": {"port": "http"}},
    {_G + "healthCheck": {"matcher": "OK"}},
    {_G + "healthCheck": {"matcher": 200}},
    {_G + "healthCheck": {"matcher": "299-200"}},
    {_G + "healthCheck": {"matcher": "200,301-300,302"}},
    {_G + "healthCheck": {"matcher": "199"}},
    {_G + "healthCheck": {"matcher": "200-600"}},
    {_G + "healthCheck": {"matcher": "200-"}},
    {_G + "healthCheck": {"matcher": ",".join(["200"] * 51)}},
    {_G + "healthCheck": {"matcher": "12"}},
    {_G + "healthCheck": {"matcher": "100"}, _G + "protocolVersion": "GRPC", **_HTTPS},
    {_G + "healthCheck": {"matcher": "12-11"}, _G + "protocolVersion": "GRPC", **_HTTPS},
    {"targetGroups.1.healthCheck": {"path": "/"}},
    {"targetGroups.1.healthCheck": {"matcher": "200"}},
    {_G + "stickiness": {}},
    {_G + "stickiness": {"type": "app_cookie"}},
    {_G + "stickiness": {"type": "lb_cookie", "cookieName": "X"}},
    {_G + "stickiness": {"type": "app_cookie", "cookieName": "AWSALBX"}},
    {_G + "stickiness": {"type": "lb_cookie", "duration": "8d"}},
    {"targetGroups.1.stickiness": {"type": "lb_cookie"}},
    {_G + "deregistrationDelay": "3601s"},
    {_G + "deregistrationDelay": "-1s"},
    {_G + "deregistrationDelay": "0d"},
    {_G + "deregistrationDelay": "1.5s"},
    {_G + "unhealthyDrainingInterval": "5d"},
    {_G + "stickiness": {"type": "lb_cookie", "duration": "1d12h"}},
    {_G + "stickiness": {"type": "lb_cookie", "duration": "01d"}},
    {_L + "clientKeepAlive": "0d"},
    {_G + "minimumHealthy": {"dns": "101%"}},
    {_G + "minimumHealthy": {"dns": "many"}},
    {_G + "failOpen": "no"},
    {_G + "maxConnectionsPerTarget": 0},
    {_G + "surgeQueue": {"length": 100001}},
    {_G + "surgeQueue": {"timeout": "0s"}},
    {_G + "proxyProtocol": "v1"},
    {_G + "unhealthyDrainingInterval": "1s", _G + "unhealthyConnectionTermination": True},
    {_G + "tls": {}},
    {"targetGroups.1.targets.addresses.0.ip": "example.com"},
    {"targetGroups.1.targets.addresses.0.ip": "192.0.2.1/32"},
    *({_IP: ip} for ip in ("0.0.0.0", "::", "224.0.0.1", "239.1.1.1", "255.255.255.255", "ff02::1", "ff0e::1")),
    *({_IP: ip} for ip in ("::ffff:10.0.0.1", "::ffff:a00:1", "::10.0.0.1", "fe80::1", "fe80::1%eth0")),
    *({_IP: ip} for ip in ("FD00::1", "fd00:0::1", "010.0.0.1", "10.0.1", " 10.0.0.1", "")),
    {"targetGroups.1.targets.addresses": [{"ip": "192.0.2.1", "port": 1}] * 2},
    {"targetGroups.1.targets.addresses.0.port": 0},
    {"targetGroups.1.targets.addresses.0.weight": 257},
]


def _name(changes: dict[str, Any]) -> str:
    return ",".join(f"{path}={'gone' if value is _GONE else value}" for path, value in changes.items())[:90] or "plain"


@pytest.mark.parametrize("changes", _GOOD, ids=_name)
def test_both_accept_it_with_the_same_defaults(api: ApiServer, changes: dict[str, Any]) -> None:
    document = manifest(**changes)
    assert says(document) == (True, "")
    accepted, text, stored = told(api, document)
    assert accepted, text
    whole = {key: stored[key] for key in ("apiVersion", "kind", "metadata", "spec")}
    assert parse(whole).spec == parse(document).spec


@pytest.mark.parametrize("changes", _BAD, ids=_name)
def test_both_refuse_it(api: ApiServer, changes: dict[str, Any]) -> None:
    document = manifest(**changes)
    assert not says(document)[0], "the model accepts it"
    accepted, _, _ = told(api, document)
    assert not accepted, "the API server accepts it"


@pytest.mark.parametrize("name", ["a.b", "a" * 64, "0", "a-0", "a" * 63])
def test_both_know_which_names_can_be_had(api: ApiServer, name: str) -> None:
    document = manifest()
    document["metadata"]["name"] = name
    assert says(document)[0] == told(api, document)[0] == (len(name) < 64 and "." not in name)


@pytest.mark.parametrize(
    "changes",
    [
        {"listeners.1.tls.certificates.0": {"file": "cert.pem"}},
        {_G + "protocol": "HTTPS", _G + "tls": {"verify": True, "ca": "ca.pem"}},
    ],
    ids=_name,
)
def test_fields_of_one_machine_are_refused_in_a_cluster(api: ApiServer, changes: dict[str, Any]) -> None:
    assert says(manifest(**changes))[0]
    accepted, text, _ = told(api, manifest(**changes))
    assert not accepted
    assert "unknown field" in text


def test_the_port_that_proxies_have_for_themselves_is_refused_in_a_cluster(api: ApiServer) -> None:
    document = manifest(**{"listeners.1.port": 9900})
    assert says(document)[0]
    accepted, text, _ = told(api, document)
    assert not accepted
    assert "spec.listeners[1].port: Invalid value: 9900: the proxies' own port in a cluster; choose another" in text


def test_two_appliers_share_the_lists_of_listeners_and_groups(api: ApiServer) -> None:
    """List-map keys: one field manager's listener stays when another applies its own."""
    first = manifest()
    first["metadata"]["name"] = "shared"
    assert api.apply(first, f"{_PATH}/shared").status_code == 201
    second = {
        "apiVersion": first["apiVersion"],
        "kind": first["kind"],
        "metadata": {"name": "shared"},
        "spec": {"listeners": [{"name": "extra", "protocol": "HTTP", "port": 81, "targetGroup": "web"}]},
    }
    stored = api.apply(second, f"{_PATH}/shared", fieldManager="other").json()
    assert [listener["name"] for listener in stored["spec"]["listeners"]] == ["http", "tls", "extra"]
