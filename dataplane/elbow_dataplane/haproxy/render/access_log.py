"""Access logs in ELB's forms, written by HAProxy itself to its standard output (ELB sections 10.4 and 10.5).

What a line needs is gathered while a request passes, in as few variables as it takes: what the client asked and what
came of it are each one piece of the line. What could break a line is looked for once and treated apart.
"""

from math import gcd

from elbow_api.access_log import AccessLog, AccessLogFormat
from elbow_api.listener import Listener
from elbow_api.protocol import ProtocolVersion
from elbow_api.proxy_config import ProxyConfig
from elbow_api.target_group import TargetGroup

from elbow_dataplane.haproxy.engine import Engine
from elbow_dataplane.haproxy.render.access_log_form import (
    REACHED,
    Form,
    form_of,
    line_of_connection,
    line_of_refused,
    line_of_request,
)
from elbow_dataplane.haproxy.render.quote import quote
from elbow_dataplane.haproxy.render.trace_id import trace_id

_LONGEST = 65_535
"""Bytes of a line; HAProxy's own limit."""
_MOST_AGENT = 8_192
_MOST_ODD = 2_000
"""Bytes of a value that needs escapes: four- or sixfold it still fits HAProxy's buffer."""
_USUAL = r"[ !#-\[\]-~]"
"""What stands for itself between quotes: visible ASCII but for the quote and the backslash."""


def listener_lines(listener: Listener, group: TargetGroup, config: ProxyConfig) -> list[str]:
    """Where a listener's lines go, what they look like, and what is known of a connection."""
    log = config.spec.access_log
    if log is None:
        return []
    is_http = listener.protocol.is_http
    line = (line_of_request if is_http else line_of_connection)(log.format, listener, group, config)
    # HAProxy tells a frontend's log of its own life too, as warnings: only what is more urgent than those is written.
    lines = [
        f"  log stdout len {_LONGEST} format raw{_sample(log)} local0 err",
        "  option log-separate-errors",
        f"  log-format {quote(line)}",
        f"  error-log-format {quote(line_of_refused(log.format, listener, config))}",
    ]
    if is_http:
        lines.append("  option dontlognull")
    else:
        return [*lines, f"  acl {REACHED} bc_dst -m found", "  tcp-request content set-log-level err"]
    if log.format is AccessLogFormat.ELB:
        return lines
    return [*lines, *_connection(listener, form_of(log.format)), *_kind(listener, group)]


def request_lines(listener: Listener, config: ProxyConfig) -> list[str]:
    """What a listener notes of a request before anything changes it."""
    log = config.spec.access_log
    if log is None or not listener.protocol.is_http:
        return []
    form = form_of(log.format)
    scheme = "https" if listener.protocol.is_encrypted else "http"

    def asked(host: str, path: str, agent: str) -> str:
        where = f"{scheme}://%[{host}]:{listener.port}%[{path}]"
        return quote(f"%[method] {where} HTTP/%[req.ver]{form.between}%[{agent}]")

    usual = rf"^[A-Z]+ \w+://(?!:){_USUAL}+{form.between}{_USUAL}{{1,{_MOST_AGENT}}}$"
    return [
        "  acl odd var(txn.odd) -m found",
        "  http-request set-log-level err",
        "  http-request set-var(txn.came) request_date(us)",
        f"  http-request set-var-fmt(txn.asked) {asked('req.fhdr(host),host_only', 'pathq', 'req.fhdr(user-agent)')}",
        f"  http-request set-var(txn.odd) bool(1) if !{{ var(txn.asked) -m reg {quote(usual)} }}",
        "  http-request set-var(txn.agent) str(-) if odd",
        "  http-request set-var(txn.host) dst if odd",
        f"  http-request set-var(txn.agent) {_escaped('req.fhdr(user-agent)', form)} if odd",
        f"  http-request set-var(txn.host) {_escaped('req.fhdr(host),host_only', form)} if odd",
        f"  http-request set-var(txn.path) {_escaped('pathq', form)} if odd",
        f"  http-request set-var-fmt(txn.asked) {asked('var(txn.host)', 'var(txn.path)', 'var(txn.agent)')} if odd",
        *(_head("http-request", "req", "received") if log.format is AccessLogFormat.ELB else []),
    ]


def group_lines(group: TargetGroup, config: ProxyConfig) -> list[str]:
    """What a target group's backend notes of a request that goes to a target, and of the target's answer.

    HAProxy tells to the microsecond when its rules run, and to the millisecond how long a request then waited for a place
    and for a connection. Mostly that is 0, and the rules' time is when it was sent.
    """
    log = config.spec.access_log
    if log is None or not group.protocol.is_http:
        return []
    form = form_of(log.format)
    lines = ["  http-request set-var(txn.first) date(0,us),sub(txn.came)"]
    if log.format is not AccessLogFormat.ELB:
        trace = "req.fhdr(x-amzn-trace-id)"
        lines += [
            f"  http-request set-var(txn.trace) {trace}",
            # The client's own part of it may hold anything; it went through the rules for what is rare.
            f"  http-request set-var(txn.trace) {_escaped(trace, form)} if {{ var(txn.rare) -m found }}",
        ]
    return [
        *lines,
        *(
            f"  http-response set-var(txn.first) {timer},mul(1000),add(txn.first) if {{ {timer} gt 0 }}"
            for timer in ("req.timer.queue", "bc.timer.connect")
        ),
        "  http-response set-var(txn.second) date(0,us),sub(txn.came),sub(txn.first)",
        f"  http-response set-var-fmt(txn.outcome) {quote(form.answered)}",
        *(_head("http-response", "res", "sent") if log.format is AccessLogFormat.ELB else []),
    ]


def own_answer_lines(listener: Listener, config: ProxyConfig, engine: Engine) -> list[str]:
    """What a listener notes of an answer of 400 and more that no target made; the listener's own rules let only those come here."""
    log = config.spec.access_log
    if log is None or not listener.protocol.is_http:
        return []
    form, set_var = form_of(log.format), "  http-after-response set-var"
    left = "{ status 400 } { txn.sess_term_state -m beg C }"  # HAProxy makes an answer for nobody
    lines = [f"{set_var}-fmt(txn.outcome) {quote(form.own)}"]
    if log.format is not AccessLogFormat.ELB:
        lines.append(f"{set_var}-fmt(txn.outcome) {quote(form.failed)} if {{ srv_id -m found }}")
    lines.append(f"{set_var}-fmt(txn.outcome) {quote(form.gone)} if {left}")
    if log.format is AccessLogFormat.ELB:
        return [*lines, *_head("http-after-response", "res", "sent")]
    none = "null" if log.format is AccessLogFormat.JSON else "-"
    return [
        *lines,
        f'{set_var}-fmt(txn.trace) "Root={trace_id(engine)}" if !{{ var(txn.trace) -m found }}',
        *(
            f"{set_var}(txn.{name}) str({value}) if !{{ var(txn.first) -m found }}"
            for name, value in (("group", "-"), ("rule", none), ("action", "-"))
        ),
    ]


def _sample(log: AccessLog) -> str:
    """So many of a hundred, evenly spread."""
    if log.sample == 100:
        return ""
    of = 100 // gcd(log.sample, 100)
    chosen = [n + 1 for n in range(of) if (n + 1) * log.sample // 100 > n * log.sample // 100]
    return f" sample {','.join(map(str, chosen))}:{of}"


def _connection(listener: Listener, form: Form) -> list[str]:
    """What ALB tells of a connection: its id, and the name and certificate of its handshake."""
    lines = ["  tcp-request session set-var-fmt(sess.connection) TID_%[uuid(4),regsub(-,,g)]"]
    if listener.protocol.is_encrypted:
        lines += [
            f"  tcp-request session set-var(sess.domain) {_escaped('ssl_fc_sni', form)}",
            "  tcp-request session set-var(sess.certificate) ssl_f_sha1,hex,lower",
            "  tcp-request session set-var(sess.certificate) str(session-reused) if { ssl_fc_is_resumed }",
        ]
    return lines


def _kind(listener: Listener, group: TargetGroup) -> list[str]:
    """The type of a request, where it isn't its listener's protocol."""
    kinds = [("ws", "{ status 101 }")]
    if listener.protocol.is_encrypted:
        h2 = "grpcs" if group.protocol_version is ProtocolVersion.GRPC else "h2"
        kinds = [(h2, "{ fc_http_major 2 }"), ("wss", "{ status 101 }")]
    return [f"  http-after-response set-var(txn.type) str({kind}) if {condition}" for kind, condition in kinds]


def _head(ruleset: str, side: str, name: str) -> list[str]:
    """How much of what came isn't body, before a rule changes it: Classic counts bodies alone."""
    return [
        f"  {ruleset} set-var(txn.{name}) {side}.body_len",
        f"  {ruleset} set-var(txn.{name}) {side}.len,sub(txn.{name})",
    ]


def _escaped(fetch: str, form: Form) -> str:
    return quote(",".join((fetch, f"bytes(0,{_MOST_ODD})", *form.escape)))
