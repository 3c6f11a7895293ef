"""The bytes of a gRPC check, against a real implementation of HPACK."""

import re

import h2.config
import h2.connection
import h2.events
import pytest
from elbow_api.health_check import code_ranges
from elbow_dataplane.haproxy.render.grpc_check import grpc_lines
from hpack import Encoder, NeverIndexedHeaderTuple
from hypothesis import given
from hypothesis import strategies as st


def expected(matcher: str) -> list[re.Pattern[str]]:
    lines = grpc_lines("/", None, "host", matcher, "agent", encrypted=False)
    return [re.compile(line.rpartition("'")[0].rpartition("'")[2]) for line in lines if " expect " in line]


@pytest.mark.parametrize("is_huffman", [True, False])
@pytest.mark.parametrize("is_secret", [True, False])
def test_a_status_is_found_however_it_is_written(*, is_huffman: bool, is_secret: bool) -> None:
    _, only_five = expected("5")
    any_status, several = expected("0-9,37,90-99")
    for code in range(100):
        header = ("grpc-status", str(code))
        block = Encoder().encode(
            [
                (":status", "200"),
                ("content-type", "application/grpc"),
                NeverIndexedHeaderTuple(*header) if is_secret else header,
                ("grpc-message", "37"),
            ],
            huffman=is_huffman,
        )
        text = block.hex().upper()
        assert any_status.search(text)
        assert bool(only_five.search(text)) == (code == 5), code
        assert bool(several.search(text)) == any(low <= code <= high for low, high in code_ranges("0-9,37,90-99")), code
    assert not any_status.search(Encoder().encode([(":status", "200"), ("grpc-message", "12")]).hex().upper())


def call(path: str, host: str, *, own: bool, encrypted: bool) -> bytes:
    """What is sent, with HAProxy's part of the work done."""
    lines = grpc_lines(path, host if own else None, "host", "0", "ELB-HealthChecker/2.0", encrypted=encrypted)
    text = next(line for line in lines if "send-binary-lf" in line).split("'")[1]
    text = re.sub(
        r"%\[var\(check.host\),length,add\((\d+)\),hex,bytes\(10,6\)\]", lambda m: f"{len(host) + int(m[1]):06x}", text
    )
    text = text.replace("%[var(check.host),length,hex,bytes(14,2)]", f"{len(host):02x}")
    return bytes.fromhex(text.replace("%[var(check.host),hex]", host.encode().hex()))


@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=1023).map(lambda path: f"/{path}"),
    st.text(st.sampled_from("abc.:[]0123456789"), min_size=1, max_size=255),
    st.booleans(),
)
def test_a_check_is_a_call_with_an_empty_message(path: str, host: str, encrypted: bool) -> None:
    server = h2.connection.H2Connection(
        h2.config.H2Configuration(client_side=False, header_encoding="ascii", validate_inbound_headers=False)
    )
    server.initiate_connection()

    events = server.receive_data(call(path, host, own=len(host) > 126, encrypted=encrypted))

    request = next(e for e in events if isinstance(e, h2.events.RequestReceived))
    data = next(e for e in events if isinstance(e, h2.events.DataReceived))
    assert list(request.headers) == [
        (":method", "POST"),
        (":scheme", "https" if encrypted else "http"),
        (":path", path),
        (":authority", host),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("user-agent", "ELB-HealthChecker/2.0"),
    ]
    assert data.data == bytes(5)
    assert any(isinstance(e, h2.events.StreamEnded) for e in events)
