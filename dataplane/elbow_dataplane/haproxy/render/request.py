"""What an HTTP listener does to requests and responses (ELB sections 6.3 to 6.8).

Everything rare stands behind one gate: a GET or POST with ordinary headers meets a handful of rules, and any other request
meets them all. What the gate looks for is what the rules behind it treat.
"""

from collections.abc import Sequence

from elbow_api.listener import DesyncMitigation, Listener, XForwardedFor
from elbow_api.protocol import ProtocolVersion
from elbow_api.target_group import TargetGroup

from elbow_dataplane.haproxy.engine import Engine
from elbow_dataplane.haproxy.render import errors
from elbow_dataplane.haproxy.render.listener_counter import counter
from elbow_dataplane.haproxy.render.trace_id import trace_id
from elbow_dataplane.haproxy.render.variable import DRAINING

# Names are lower case in what HAProxy hands to the expression. It looks at the beginnings of lines, not at every byte.
_INVALID_NAME = r"[-a-z0-9]*+[^-a-z0-9:\r]"
_REMARKABLE = r"transfer-encoding:|expect:|x-forwarded-|x-amzn-trace-id:"
# HTTP/1 clients begin with Host; with HTTP/2 HAProxy ends with it.
_NO_HOST = r"\A(?!host:|(?s:.*)\nhost:)"
_GRPC = r"content-type: application/grpc"
# A word in Connection names a header that whoever is next drops; of this hop HAProxy has taken its own out already.
_HOP_BY_HOP = r"connection: (?!(?i:upgrade)\r)"
_UNUSUAL_BYTES = r"[^\t\x20-\x7e\r\n]"
# A name that some parser may take for Content-Length or Transfer-Encoding.
_SUSPICIOUS = (
    r"'(?:^|,)(?!content-length(?:,|$)|transfer-encoding(?:,|$))"
    r"(?:content[^a-z0-9,]*length|transfer[^a-z0-9,]*encoding)[^a-z0-9,]*(?:,|$)'"
)
# All lines of X-Forwarded-For as one: a target that looks at the first line only must find the client's address in it.
_ALL_FORWARDED_FOR = (
    r"req.hdrs,regsub('(?:^|\n)(?!x-forwarded-for:)[^\n]*',,gi)"
    r",regsub('\r?\n?x-forwarded-for: *','\x2c ',gi),regsub('^(?:\x2c )+|\r',,g)"
)
# A connection that began long ago closes with its next answer.
_CLOSE = "http-request set-var(sess.began) int(0)"
_MOST_ADDRESSES = 30  # in X-Forwarded-For
_MOST_URI = 16_384
_MOST_HEADERS_FOR_TRACE = 7_168


def lines(listener: Listener, group: TargetGroup, engine: Engine, before: Sequence[str] = ()) -> list[str]:
    """The rules of an HTTP or HTTPS frontend; those of `before` see a request as it came."""
    return [
        "  tcp-request session set-var(sess.began) date",
        *([] if listener.protocol.is_encrypted and listener.options.http2 else ["  option disable-h2-upgrade"]),
        "  acl rare var(txn.rare) -m found",
        *before,
        (
            "  http-request set-var(txn.rare) bool(1) "
            f"unless METH_GET !{{ req.hdrs -m reg '{_gate(listener, group, 'content-length:')}' }} "
            f"or METH_POST !{{ req.hdrs -m reg '{_gate(listener, group)}' }}"
        ),
        # Ignoring case HAProxy compares; minding it, it would first copy the whole URL for a tree of prefixes.
        "  http-request set-var(txn.rare) bool(1) if !{ url_beg -i / } { fc_http_major 1 }",
        *_unusual_version(listener),
        *_version_match(group, engine),
        f"  http-request add-header X-Forwarded-Proto {'https' if listener.protocol.is_encrypted else 'http'}",
        f"  http-request add-header X-Forwarded-Port {listener.port}",
        f'  http-request add-header X-Amzn-Trace-Id "Root={trace_id(engine)}"',
        *_added_forwarded_for(listener),
        "  http-request allow if !rare",
        *_no_grpc(group, engine),
        *_methods(),
        *_expect(listener),
        *_hop_by_hop(),
        *_desync(listener),
        *_invalid_headers(listener),
        *_forwarded_for(listener, engine),
        *_replaced(listener, engine),
        *_host(listener),
        *_after(listener),
    ]


def _gate(listener: Listener, group: TargetGroup, *more: str) -> str:
    parts = [_INVALID_NAME, _REMARKABLE, *more, _HOP_BY_HOP, _NO_HOST]
    if group.protocol_version is ProtocolVersion.HTTP1:
        parts.append(_GRPC)
    if not listener.options.preserve_host:
        parts.append(_unusual_host(listener))
    lines = f"(?m)^(?:{'|'.join(parts)})"
    # Only here is such a byte more than a number in a metric, and looking for it costs as much as all the rest.
    return f"{_UNUSUAL_BYTES}|{lines}" if listener.options.desync_mitigation is DesyncMitigation.STRICTEST else lines


def _unusual_version(listener: Listener) -> list[str]:
    """HTTP/1.2 and the like are refused by this mode alone; no expression over headers sees them."""
    if listener.options.desync_mitigation is not DesyncMitigation.STRICTEST:
        return []
    return ["  http-request set-var(txn.rare) bool(1) if { fc_http_major 1 } !{ req.ver 1.0 1.1 }"]


def _unusual_host(listener: Listener) -> str:
    """A Host header that is not yet as targets get it (ELB section 6.5)."""
    if listener.port in (80, 443):
        return r"host: (?:\r|[^\r\n]*[A-Z:])"
    return rf"host: (?![^A-Z:\r\n]++:{listener.port}\r)"


def _version_match(group: TargetGroup, engine: Engine) -> list[str]:
    """Requests a target group's protocol version can't take (ELB section 1.4)."""
    if group.protocol_version is ProtocolVersion.HTTP2:
        return [f"  http-request {errors.answer(464, engine)} if {{ fc_http_major 1 }}"]
    if group.protocol_version is ProtocolVersion.GRPC:
        return [f"  http-request {errors.answer(464, engine)} if !METH_POST or {{ fc_http_major 1 }}"]
    return []


def _no_grpc(group: TargetGroup, engine: Engine) -> list[str]:
    if group.protocol_version is not ProtocolVersion.HTTP1:
        return []
    return [f"  http-request {errors.answer(464, engine)} if {{ req.hdr(content-type) -m beg application/grpc }}"]


def _added_forwarded_for(listener: Listener) -> list[str]:
    """The client, as one more line; behind the gate all lines become one (ELB section 6.3)."""
    if listener.options.x_forwarded_for is not XForwardedFor.APPEND:
        return []
    add = "  http-request add-header X-Forwarded-For"
    if not listener.options.x_forwarded_for_client_port:
        return [f"{add} %[src]"]
    return [f"{add} %[src]:%[src_port] if !{{ src -m sub : }}", f"{add} [%[src]]:%[src_port] if {{ src -m sub : }}"]


def _methods() -> list[str]:
    return [
        "  http-request set-var(txn.method) method",
        "  http-request deny deny_status 405 if METH_TRACE or { var(txn.method),length gt 127 }",
        "  http-request deny deny_status 400 if METH_CONNECT",
        f"  http-request deny deny_status 414 if {{ url,length gt {_MOST_URI} }}",
    ]


def _expect(listener: Listener) -> list[str]:
    """100 is answered here and not asked of the target (ELB section 6.2)."""
    return [
        f"  http-request wait-for-body time {listener.idle.milliseconds}ms at-least 1 if {{ req.hdr(expect) -m found }}",
        "  http-request del-header Expect",
    ]


def _hop_by_hop() -> list[str]:
    """Connection is for the balancer alone: it would let a client have X-Forwarded-For dropped by a target that is a proxy."""
    return [
        "  http-request del-header Connection if !{ req.hdr(upgrade) -m found }",
        "  http-request set-header Connection Upgrade if { req.hdr(connection) -m found }",
    ]


def _desync(listener: Listener) -> list[str]:
    """ELB section 6.6; what HAProxy's parser refuses (all that is severe) never gets here."""
    mode = listener.options.desync_mitigation
    acceptable = [
        f"{{ req.hdrs -m reg '{_UNUSUAL_BYTES}' }}",
        "{ fc_http_major 1 } !{ req.ver 1.0 1.1 }",
        "{ method GET HEAD } { req.hdr(content-length) -m str 0 }",
    ]
    ambiguous = [
        "{ method GET HEAD } { req.hdr_val(content-length) gt 0 }",
        "{ method GET HEAD } { req.hdr(transfer-encoding) -m found }",
        f"{{ req.hdr_names -m reg {_SUSPICIOUS} }}",
    ]
    rules = ["  acl ambiguous var(txn.ambiguous) -m found", "  acl acceptable var(txn.acceptable) -m found"]
    rules += [f"  http-request set-var(txn.acceptable) bool(1) if {condition}" for condition in acceptable]
    rules += [f"  http-request set-var(txn.ambiguous) bool(1) if {condition}" for condition in ambiguous]
    rules.append(f"  http-request sc-inc-gpc({counter('noncompliant')},0) if ambiguous or acceptable")
    if mode is DesyncMitigation.STRICTEST:
        rules += [
            f"  {_CLOSE} if ambiguous or acceptable",
            "  http-request deny deny_status 400 if ambiguous or acceptable",
        ]
    if mode is DesyncMitigation.DEFENSIVE:
        rules += [f"  {_CLOSE} if ambiguous", "  http-request set-header Connection close if ambiguous"]
    return rules


def _invalid_headers(listener: Listener) -> list[str]:
    """ELB section 6.7; counted whether they are dropped or forwarded."""
    rules = [f"  http-request sc-inc-gpc({counter('invalid_headers')},0) if {{ req.hdr_names -m reg [^-a-z0-9,] }}"]
    if listener.options.drop_invalid_headers:
        rules.append("  http-request del-header [^-A-Za-z0-9] -m reg")
    return rules


def _forwarded_for(listener: Listener, engine: Engine) -> list[str]:
    mode = listener.options.x_forwarded_for
    most = _MOST_ADDRESSES + (mode is XForwardedFor.APPEND)
    too_many = f"  http-request {errors.answer(463, engine)} if {{ req.hdr_cnt(x-forwarded-for) gt {most} }}"
    if mode is XForwardedFor.REMOVE:
        return [too_many, "  http-request del-header X-Forwarded-For"]
    if mode is XForwardedFor.PRESERVE:
        return [too_many]
    joined = f'"%[{_ALL_FORWARDED_FOR}]"'
    return [too_many, f"  http-request set-header X-Forwarded-For {joined} if {{ req.fhdr_cnt(x-forwarded-for) gt 1 }}"]


def _replaced(listener: Listener, engine: Engine) -> list[str]:
    """What the client sent beside what was added above: its own Proto and Port are replaced, its trace id is carried on."""
    proto = "https" if listener.protocol.is_encrypted else "http"
    came = "{ req.fhdr_cnt(x-amzn-trace-id) gt 1 }"
    first = "req.fhdr(x-amzn-trace-id,1)"
    large = f"{{ req.hdrs,length gt {_MOST_HEADERS_FOR_TRACE} }}"
    return [
        f"  http-request set-header X-Forwarded-Proto {proto}",
        f"  http-request set-header X-Forwarded-Port {listener.port}",
        f'  http-request set-header X-Amzn-Trace-Id "Root={trace_id(engine)}" if {came} {large}',
        f"""  http-request set-header X-Amzn-Trace-Id "Self={trace_id(engine)};%[{first},regsub('(^|;)Self=[^;]*',,i),regsub('^;',,)]" if {came}""",
    ]


def _host(listener: Listener) -> list[str]:
    """ELB section 6.5; a request of HTTP/1.0 that names no host gets the address the client connected to (section 6.2)."""
    port = "" if listener.port in (80, 443) else f":{listener.port}"
    refused = "  http-request deny deny_status 400 if { req.ver 1.1 } !{ req.hdr(host) -m found }"
    # Of http://example.com?x nothing is left to HAProxy's pathq.
    path = """  http-request set-uri "%[url,regsub('^[a-z]+://[^/?]*/?',/,i)]" if { url_beg -i http:// https:// } { fc_http_major 1 }"""
    own = f"""  http-request set-header Host "%[dst,regsub('^(.*:.*)',[\\1])]{port}" if"""
    if listener.options.preserve_host:
        return [refused, path, f"{own} !{{ req.hdr(host) -m found }}"]
    return [
        refused,
        path,
        f"{own} !{{ req.hdr(host),host_only,length gt 0 }}",
        f"  http-request set-header Host %[req.hdr(host),host_only,lower]{port}",
    ]


def _after(listener: Listener) -> list[str]:
    """What happens to every response, the balancer's own included; nothing but the first line to one that went well."""
    # An answer that upgrades the connection to a WebSocket ends it as HTTP anyway, and its Connection header says Upgrade.
    age = f"{{ date,sub(sess.began),add({DRAINING}) ge {int(listener.keep_alive.seconds)} }}"
    counted = [
        f"  http-after-response sc-inc-gpc({counter(name)},0) if {{ status {codes} }}"
        for name, codes in (("elb_500", "500"), ("elb_502", "502"), ("elb_503", "503"), ("elb_504", "504"))
    ]
    return [
        f"  http-after-response set-header Connection close if {age} !{{ status 101 }}",
        "  http-after-response allow if { status lt 400 }",
        f"  http-after-response sc-inc-gpc({counter('target_4xx')},0) if {{ server_status 400:499 }}",
        f"  http-after-response sc-inc-gpc({counter('target_5xx')},0) if {{ server_status 500:599 }}",
        "  http-after-response allow if { server_status ge 100 }",
        *errors.told_apart(),
        *counted,
    ]
