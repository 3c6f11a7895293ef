"""A gRPC call as a health check (ELB section 2.1).

The status of a call stands in its trailers, and HAProxy's HTTP checks see headers only. So the call is written as the
bytes of an HTTP/2 connection, and the status is looked for in the bytes that come back, in each way HPACK can write it
(RFC 7541, 6.2 and 5.2) on a connection on which nothing was said before.
"""

from collections.abc import Iterable

from elbow_api.health_check import code_ranges

from elbow_dataplane.haproxy.render.quote import quote

DEFAULT_PATH = "/AWS.ALB/healthcheck"
DEFAULT_MATCHER = "12"

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_EMPTY_MESSAGE = bytes(5)
_DATA, _HEADERS, _SETTINGS = 0x0, 0x1, 0x4
_END_STREAM, _END_HEADERS = 0x1, 0x4
# RFC 7541, appendix B: the code and how many bits of it count.
_HUFFMAN_DIGITS = [
    (0x0, 5),
    (0x1, 5),
    (0x2, 5),
    (0x19, 6),
    (0x1A, 6),
    (0x1B, 6),
    (0x1C, 6),
    (0x1D, 6),
    (0x1E, 6),
    (0x1F, 6),
]
_NAME = "(0B677270632D737461747573|889ACAC8B21234DA8F)"  # grpc-status, plain or by Huffman's code
_ANY_VALUE = "(013[0-9]|023[0-9]3[0-9]|81[0-9A-F][0-9A-F]|82[0-9A-F][0-9A-F][0-9A-F][0-9A-F])"
_PLAIN_VALUE = "(013([0-9])|023([0-9])3([0-9]))"


def grpc_lines(
    path: str, host: str | None, target_host: str, matcher: str, user_agent: str, *, encrypted: bool
) -> list[str]:
    """The rules of a check; `target_host` is a log format, as one word, for when there is no host of the check's own."""
    status_code = f'res.payload(0,0),hex,regsub("^.*{_NAME}{_PLAIN_VALUE}.*$","\\3\\4\\5")'
    return [
        "  option tcp-check",
        "  tcp-check connect default",
        *([] if host else [f"  tcp-check set-var-fmt(check.host) {target_host}"]),
        f"  tcp-check send-binary-lf {quote(_call(path, host, user_agent, encrypted=encrypted))}",
        f"  tcp-check expect rbinary {quote(_NAME + _ANY_VALUE)}",
        f"  tcp-check expect min-recv 0 error-status L7STS status-code {quote(status_code)} rbinary "
        + quote(f"{_NAME}({'|'.join(_values(matcher))})"),
    ]


def _call(path: str, host: str | None, user_agent: str, *, encrypted: bool) -> str:
    """The bytes of a call of a method with an empty message, in hex; the target's address as a log format."""
    # :method POST, :scheme, :path
    before = bytes([0x83, 0x87 if encrypted else 0x86]) + b"\x04" + _string(path.encode())
    after = (
        (b"\x00" + _string(b"te") + _string(b"trailers"))
        + (b"\x0f\x10" + _string(b"application/grpc"))  # content-type
        + (b"\x0f\x2b" + _string(user_agent.encode()))
    )
    if host:
        authority = (b"\x01" + _string(host.encode())).hex()
        length = f"{len(before) + len(authority) // 2 + len(after):06x}"
    else:  # an address and a port have fewer than 127 characters
        authority = "01%[var(check.host),length,hex,bytes(14,2)]%[var(check.host),hex]"
        length = f"%[var(check.host),length,add({len(before) + 2 + len(after)}),hex,bytes(10,6)]"
    return (
        (_PREFACE + _frame(_SETTINGS, 0, 0, b"")).hex()
        + length
        + _head(_HEADERS, _END_HEADERS, 1).hex()
        + before.hex()
        + authority
        + after.hex()
        + _frame(_DATA, _END_STREAM, 1, _EMPTY_MESSAGE).hex()
    )


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + _head(kind, flags, stream) + payload


def _head(kind: int, flags: int, stream: int) -> bytes:
    return bytes([kind, flags]) + stream.to_bytes(4, "big")


def _string(text: bytes) -> bytes:
    """A string as it is (RFC 7541, 5.2), its length as an integer of a 7-bit prefix (5.1)."""
    size = len(text)
    if size < 127:
        return bytes([size]) + text
    length, size = [127], size - 127
    while size >= 128:
        length.append(size % 128 + 128)
        size //= 128
    return bytes([*length, size]) + text


def _values(matcher: str) -> Iterable[str]:
    """Each code as a string of HPACK, in hex: plain, and by Huffman's code."""
    codes = {code for low, high in code_ranges(matcher) for code in range(low, high + 1)}
    for code in sorted(codes):
        digits = str(code)
        yield f"{len(digits):02X}{digits.encode().hex()}"
        yield _huffman(digits)


def _huffman(digits: str) -> str:
    bits = "".join(f"{code:0{size}b}" for code, size in (_HUFFMAN_DIGITS[int(digit)] for digit in digits))
    bits += "1" * (-len(bits) % 8)
    return f"{0x80 + len(bits) // 8:02X}{int(bits, 2):0{len(bits) // 4}X}"
