"""Whatever clients send, an entry is one line that can be taken apart, and tells what was sent."""

import re
import ssl

import pytest
from harness.certificates import Authority
from harness.client import Client, get

from access_logs.logged import Logged

_AGENTS = [
    b'quoted "agent"',
    b"back\\slash \\x22 \\",
    b'" - - x "- - - " 200',
    "ünïcödé 漢字".encode(),
    b"latin \xe9\xff",
    b"tab\tand \x01\x1f\x7f controls",
    b'","elb_status_code":200,"x":"',
    b"%r %[src] ${HOME} %%",
    b"x" * 8192,
    b'"' * 8192,
    b"\x01" * 8192,
]


def unescaped(text: str) -> bytes:
    """What \\x and two digits stand for."""
    return re.sub(rb"\\x([0-9a-fA-F]{2})", lambda found: bytes.fromhex(found[1].decode()), text.encode())


def agent_of(log: Logged, text: str) -> bytes:
    return text.encode() if log.form == "json" else unescaped(text.removeprefix('"').removesuffix('"'))


@pytest.mark.parametrize("agent", _AGENTS, ids=lambda agent: repr(agent[:20]))
def test_any_user_agent(log: Logged, agent: bytes) -> None:
    with Client(log.http) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: web.example\r\nUser-Agent: " + agent + b"\r\n\r\n")
        assert client.read("GET").status == 200

    (entry,) = log.next()

    told = agent_of(log, entry["user_agent"])
    plain = all(0x20 <= byte < 0x7F and byte not in b'"\\' for byte in agent)
    if log.form == "json" and b"latin" in agent:
        assert told == b"latin "  # what is no UTF-8 is left out
    else:
        assert told == (agent if plain else agent[:2000])
    assert entry["request_url"] == f"http://web.example:{log.http}/"


@pytest.mark.parametrize("path", ['/"quoted"', "/back\\slash", "/<>^`{|}", "/%22%0a%00", "/" + '"' * 5000])
def test_any_path(log: Logged, path: str) -> None:
    with Client(log.http) as client:
        client.send(f"GET {path} HTTP/1.1\r\nHost: web.example\r\nUser-Agent: x\r\n\r\n".encode())
        status = client.read("GET").status

    (entry,) = log.next()

    assert entry["elb_status_code"] in (status, str(status))
    if status == 200:
        told = entry["request_url"] if log.form == "json" else unescaped(entry["request_url"]).decode()
        assert told == f"http://web.example:{log.http}{path[:2000]}"


@pytest.mark.parametrize("host", ['we"b', "we\\b", "", "WEB.example:1234", "[2001:db8::1]:80"])
def test_any_host(log: Logged, host: str) -> None:
    with Client(log.http) as client:
        client.send(f"GET /x HTTP/1.1\r\nHost: {host}\r\nUser-Agent: x\r\n\r\n".encode())
        client.read("GET")

    log.next()


def test_any_trace_id(log: Logged) -> None:
    get(log.http, "/", {"X-Amzn-Trace-Id": 'Root=1-x;a="b\\c'})

    (entry,) = log.next()

    if log.form != "elb":
        trace = entry["trace_id"] if log.form == "json" else unescaped(entry["trace_id"]).decode()
        assert trace == dict(log.target.requests[-1].headers)["x-amzn-trace-id"]


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a b\x01", ".".join(["x" * 60] * 4)], ids=lambda name: repr(name[:10]))
def test_any_name_asked_for_by_tls(log: Logged, authority: Authority, name: str) -> None:
    context = authority.client_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with Client(log.https, tls=context, server_name=name) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: web.example\r\n\r\n")
        assert client.read("GET").status == 200

    (entry,) = log.next()

    if log.form != "elb":
        told = entry["domain_name"] if log.form == "json" else unescaped(entry["domain_name"]).decode()
        assert told == name
