"""What an entry holds (ELB sections 10.4 and 10.5)."""

import re
import socket
import ssl
import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from harness.certificates import Authority
from harness.client import Client, get, post
from harness.poll import until
from harness.tcp_client import TcpClient
from harness.websocket import WebSocket

from access_logs.entry import alb_entry, classic_entry
from access_logs.logged import Logged

_NOT_DISPATCHED = ("-1", "-1", "-1")
_TIMES = ("request_processing_time", "target_processing_time", "response_processing_time")


def seconds(entry: dict[str, object]) -> list[float]:
    return [float(str(entry[name])) for name in _TIMES]


def test_client_target_codes_request_and_agent(log: Logged) -> None:
    with Client(log.http) as client:
        client.get("/status/404?a=b&c", {"User-Agent": "curl/7.88.1"})
        host, port = client.address

    (entry,) = log.next()

    assert (entry["client_ip"], entry["client_port"]) == (host, str(port))
    assert (entry["target_ip"], entry["target_port"]) == (log.target.ip, str(log.target.port))
    assert (str(entry["elb_status_code"]), str(entry["target_status_code"])) == ("404", "404")
    assert entry["request_verb"] == "GET"
    assert entry["request_url"] == f"http://127.0.0.1:{log.http}/status/404?a=b&c"
    assert entry["request_proto"] == "HTTP/1.1"
    assert entry["user_agent"].strip('"') == "curl/7.88.1"
    assert (entry["ssl_cipher"], entry["ssl_protocol"]) == ("-", "-")


def test_the_target_s_time_is_its_own(log: Logged) -> None:
    get(log.http, "/slow?ms=300")

    (entry,) = log.next()

    first, second, third = seconds(entry)
    assert 0 <= first < 0.2
    assert 0.3 <= second < 1
    assert third == 0


def test_a_client_that_is_slow_to_ask_is_no_time_of_the_target(log: Logged) -> None:
    with Client(log.http) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: web.example\r\n")
        time.sleep(0.3)
        client.send(b"\r\n")
        client.read("GET")

    (entry,) = log.next()

    first, second, _ = seconds(entry)
    assert first >= 0.25
    assert second < 0.2


def test_times_are_the_request_s_own(log: Logged) -> None:
    before = datetime.now(UTC)
    get(log.http)

    (entry,) = log.next()

    times = [datetime.fromisoformat(entry[name]) for name in ("time", "request_creation_time") if name in entry]
    for at in times:
        assert before - timedelta(seconds=0.1) < at < datetime.now(UTC) + timedelta(seconds=0.1)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", entry["time"])


@pytest.mark.parametrize(
    ("path", "method", "code"), [("/", "TRACE", "405"), ("/" + "x" * 17_000, "GET", "414"), ("/close", "POST", "502")]
)
def test_what_no_target_answered_has_no_times_and_no_target_status(
    log: Logged, path: str, method: str, code: str
) -> None:
    with Client(log.http) as client:
        response = client.request(method, path)
    assert response.status == int(code)

    (entry,) = log.next()

    assert tuple(str(entry[name]) for name in _TIMES) == _NOT_DISPATCHED
    assert str(entry["elb_status_code"]) == code
    assert entry["target_status_code"] in ("-", None)


def test_a_target_that_gave_no_answer_is_named_but_not_by_classic(log: Logged) -> None:
    assert post(log.http, "/close", b"x").status == 502

    (entry,) = log.next()

    assert entry["target_ip"] == ("" if log.form == "elb" else log.target.ip)


def test_what_is_no_request_has_none(log: Logged) -> None:
    with Client(log.http) as client:
        client.send(b"GARBAGE\r\n\r\n")
        client.read_to_end()

    (entry,) = log.next()

    assert str(entry["elb_status_code"]) == "400"
    assert f"{entry['request_verb']} {entry['request_url']}".split()[:2] == ["-", "-"]
    assert entry["user_agent"].strip('"') == "-"


def test_a_connection_without_a_word_is_no_entry(log: Logged) -> None:
    with socket.create_connection(("127.0.0.1", log.http)):
        pass
    get(log.http)

    log.raw(1)


def test_a_client_that_is_seen_to_leave_before_its_answer_is_460(log: Logged) -> None:
    with Client(log.http) as client:
        client.send(b"POST /hold HTTP/1.1\r\nHost: web.example\r\nContent-Length: 10\r\n\r\nhalf")
        until(lambda: "be=tg_web" in log.elbow.socket("show sess"), limit=5)
        client.reset()

    (entry,) = log.next()

    assert str(entry["elb_status_code"]) == "460"
    assert entry["target_status_code"] in ("-", None)


def test_cipher_and_protocol_are_those_of_the_handshake(log: Logged, authority: Authority) -> None:
    context = authority.client_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    with Client(log.https, tls=context, server_name="web.example") as client:
        client.get("/")

    (entry,) = log.next()

    assert (entry["ssl_cipher"], entry["ssl_protocol"]) == ("ECDHE-ECDSA-AES128-GCM-SHA256", "TLSv1.2")
    assert entry["request_url"].startswith("https://web.example:")


def test_a_connection_of_a_tcp_listener_is_one_entry(log: Logged) -> None:
    with TcpClient(log.tcp) as client:
        assert client.greeting() == "b"
        client.echo(b"x" * 1000)

    (entry,) = log.next()

    assert entry["target_ip"].startswith("127.")
    assert f"{entry['request_verb']} {entry['request_url']}".split()[:2] == ["-", "-"]
    assert int(entry["received_bytes"]) == 1000
    assert int(entry["sent_bytes"]) > 1000
    assert all(0 <= time < 1 for time in seconds(entry))


def test_classic_counts_bodies_alone(classic_log: Logged) -> None:
    post(classic_log.http, "/echo", b"x" * 1000)
    with Client(classic_log.http) as client:
        chunked = b"POST /echo HTTP/1.1\r\nHost: web.example\r\nTransfer-Encoding: chunked\r\n\r\n"
        client.send(chunked + b"1f4\r\n" + b"y" * 500 + b"\r\n0\r\n\r\n")
        client.read("POST")
    get(classic_log.http)

    counted = [(entry["received_bytes"], entry["sent_bytes"]) for entry in classic_log.next(3)]

    assert counted == [("1000", "1000"), ("500", "500"), ("0", "2")]


def test_classic_has_six_digits_and_alb_three(classic_log: Logged, alb_log: Logged) -> None:
    for log, digits in ((classic_log, 6), (alb_log, 3)):
        get(log.http)
        (entry,) = log.next()
        assert all(re.fullmatch(rf"\d+\.\d{{{digits}}}", entry[name]) for name in _TIMES)


def test_alb_s_own_fields(alb_log: Logged) -> None:
    get(alb_log.http)

    (entry,) = alb_log.next()

    assert entry["type"] == "http"
    assert re.fullmatch(r"app/web/[0-9a-f]{16}", entry["elb"])
    assert re.fullmatch(r"targetgroup/web/[0-9a-f]{16}", entry["target_group_arn"])
    assert entry["trace_id"] == dict(alb_log.target.requests[-1].headers)["x-amzn-trace-id"]
    assert (entry["matched_rule_priority"], entry["actions_executed"]) == ("0", "forward")
    assert entry["target_port_list"] == f"{alb_log.target.ip}:{alb_log.target.port}"
    assert entry["target_status_code_list"] == "200"
    assert re.fullmatch(r"TID_[0-9a-f]{32}", entry["conn_trace_id"])
    assert entry["more"] == ' "-" "-" "-"'


def test_alb_tells_connections_apart(alb_log: Logged) -> None:
    with Client(alb_log.http) as client:
        client.get("/")
        client.get("/")
    get(alb_log.http)

    first, second, third = (entry["conn_trace_id"] for entry in alb_log.next(3))

    assert first == second != third


def test_alb_names_no_target_group_where_no_rule_was_reached(alb_log: Logged) -> None:
    with Client(alb_log.http) as client:
        client.request("TRACE", "/")

    (entry,) = alb_log.next()

    assert (entry["target_group_arn"], entry["matched_rule_priority"], entry["actions_executed"]) == ("-", "-", "-")
    assert entry["trace_id"].startswith("Root=1-")


def test_alb_s_types(alb_log: Logged, authority: Authority) -> None:
    with WebSocket(alb_log.http) as socket:
        socket.echo(b"hello")
    context = authority.client_context(alpn=("http/1.1",))
    with Client(alb_log.https, tls=context, server_name="web.example") as client:
        client.get("/")
    with httpx.Client(http2=True, verify=authority.client_context(alpn=("h2",))) as h2:
        address = f"https://127.0.0.1:{alb_log.https}/"
        h2.get(address, headers={"Host": "web.example"}, extensions={"sni_hostname": "web.example"})

    ws, https, h2 = alb_log.next(3)

    assert [ws["type"], https["type"], h2["type"]] == ["ws", "https", "h2"]
    assert ws["elb_status_code"] == "101"
    assert h2["request_proto"] == "HTTP/2.0"
    assert https["domain_name"] == h2["domain_name"] == "web.example"
    assert re.fullmatch(r"[0-9a-f]{40}", https["chosen_cert_arn"])


def test_aws_log_parser_reads_both(classic_log: Logged, alb_log: Logged) -> None:
    for log, parse in ((classic_log, classic_entry), (alb_log, alb_entry)):
        get(log.http, "/echo?x=1")
        (line,) = log.raw()
        entry = parse(line)
        assert (entry.client.ip, entry.target.ip) == ("127.0.0.1", log.target.ip)
        assert (entry.elb_status_code, entry.target_status_code) == (200, 200)
        assert (entry.http_request.method, entry.http_request.path) == ("GET", "/echo")
        assert entry.http_request.query == {"x": ["1"]}
        assert abs(entry.timestamp - datetime.now(UTC)) < timedelta(seconds=5)
