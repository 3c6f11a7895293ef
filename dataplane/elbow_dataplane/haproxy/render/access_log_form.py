"""What a line of an access log looks like: Classic's fields, ALB's, and ALB's by name (ELB sections 10.4 and 10.5)."""

import hashlib
import re
from dataclasses import dataclass

from elbow_api.access_log import AccessLogFormat
from elbow_api.listener import Listener
from elbow_api.proxy_config import ProxyConfig
from elbow_api.target_group import TargetGroup

_TIME = "us_utime(%Y-%m-%dT%H:%M:%S.%6N)"
_NONE = ("-1", "-1", "-1")
_NO_TIMES = " ".join(_NONE)
REACHED = "reached"
"""The condition that a connection has reached a target."""
_LEFT = "460"
"""The status of a request whose client went away before its answer (ELB section 9.1)."""
_CODES = ("09", "08", "0c", "0a", "0d")
# Out of a JSON string, where every odd byte is a number, come the escapes of Classic and ALB: \x and two digits.
_HEXADECIMAL = (
    "json(ascii)",
    r"regsub(\\x5C\\x5C,\\x5Cx5C,g)",
    r"regsub(\\x5Cu00,\\x5Cx,g)",
    r"regsub(\\x5C\\x22,\\x5Cx22,g)",
    r"regsub(\\x5C/,/,g)",
    *(rf"regsub(\\x5C{letter},\\x5Cx{code},g)" for letter, code in zip("tbfnr", _CODES, strict=True)),
)


@dataclass(frozen=True)
class Form:
    """The pieces of a line that requests and answers fill, as HAProxy log formats."""

    escape: tuple[str, ...]
    """The converters that make a value fit between quotes."""
    between: str
    """What stands between the request and the user agent."""
    answered: str
    """Target, times and codes of an answer that a target made."""
    failed: str
    """The same where a target was chosen that didn't answer; Classic doesn't tell which."""
    own: str
    """The same where no target was chosen."""
    gone: str
    """The same where the client left before its answer."""


def form_of(log_format: AccessLogFormat) -> Form:
    """The pieces of a format's lines."""
    target, chosen, code = "%[bc_dst]:%[bc_dst_port]", "%si:%sp", "%[status]"
    if log_format is AccessLogFormat.JSON:
        return Form(
            escape=("json(utf8ps)",),
            between='","user_agent":"',
            answered=_named(
                f'"{target}"', (_microseconds("first", 6), _microseconds("second", 6), "0.000000"), code, code
            ),
            failed=_named(f'"{chosen}"', _NONE, code, "null"),
            own=_named("null", _NONE, code, "null"),
            gone=_named("null", _NONE, _LEFT, "null"),
        )
    classic = log_format is AccessLogFormat.ELB
    digits = 6 if classic else 3
    times = f"{_microseconds('first', digits)} {_microseconds('second', digits)} {0:.{digits}f}"
    own = f"- {_NO_TIMES} {code} -"
    return Form(
        escape=_HEXADECIMAL,
        between='" "',
        answered=f"{target} {times} {code} {code}",
        failed=own if classic else f"{chosen} {_NO_TIMES} {code} -",
        own=own,
        gone=f"- {_NO_TIMES} {_LEFT} -",
    )


@dataclass(frozen=True)
class _Line:
    """What differs between the lines of requests, of connections, and of what was never a request."""

    kind: str
    time: str
    outcome: str
    received: str
    sent: str
    asked: str
    created: str
    trace: str = "-"
    domain: str = "-"
    certificate: str = "-"
    group: str = "-"
    rule: str = "-"
    action: str = "-"
    target: str = "-"
    target_status: str = "-"
    connection: str = "-"


def line_of_request(log_format: AccessLogFormat, listener: Listener, group: TargetGroup, config: ProxyConfig) -> str:
    """The line of a request of an HTTP or HTTPS listener."""
    form = form_of(log_format)
    classic = log_format is AccessLogFormat.ELB
    came = _at("var(txn.came)")
    line = _Line(
        kind=_variable("txn.type", listener.protocol.lower()),
        time=came if classic else _at("date(0,us)"),
        outcome=_variable("txn.outcome", form.gone),
        received="%[bytes_in,sub(txn.received)]" if classic else "%U",
        sent="%[bytes_out,sub(txn.sent)]" if classic else "%B",
        asked=_variable("txn.asked", f"- - - {form.between}-"),
        created=came,
        trace=_variable("txn.trace", "-"),
        domain=_variable("sess.domain", "-"),
        certificate=_variable("sess.certificate", "-"),
        group=_variable("txn.group", group_id(group, config)),
        rule=_variable("txn.rule", "0"),
        action=_variable("txn.action", "forward"),
        target="%[var(txn.outcome,-),word(1,' ')]",
        target_status="%[var(txn.outcome,- - - - - -),word(6,' ')]",
        connection="%[var(sess.connection)]",
    )
    return _written(log_format, line, config)


def line_of_connection(log_format: AccessLogFormat, listener: Listener, group: TargetGroup, config: ProxyConfig) -> str:
    """The line of a connection of a TCP or TLS listener: what HAProxy tells of it to the millisecond."""
    came = _at("accept_date(us)")
    line = _Line(
        kind=listener.protocol.lower(),
        time=came if log_format is AccessLogFormat.ELB else _at("date(0,us)"),
        outcome=_outcome_of_connection(log_format),
        received="%U",
        sent="%B",
        asked=f"- - - {form_of(log_format).between}-",
        created=came,
        group=group_id(group, config),
        action="forward",
    )
    return _written(log_format, line, config)


def line_of_refused(log_format: AccessLogFormat, listener: Listener, config: ProxyConfig) -> str:
    """The line of what was no request: HAProxy's parser refused it, or it never came to its end."""
    form = form_of(log_format)
    time = _at("date(0,us)")
    line = _Line(
        kind=listener.protocol.lower(),
        time=time,
        outcome=form.own.replace("%[status]", "%ST"),
        received="0",
        sent="0",
        asked=f"- - - {form.between}-",
        created=time,
    )
    return _written(log_format, line, config)


def load_balancer_id(config: ProxyConfig) -> str:
    """A load balancer as ALB names it: app, its name, and 16 hexadecimal digits."""
    return f"app/{config.name}/{_digits(config)}"


def group_id(group: TargetGroup, config: ProxyConfig) -> str:
    """A target group as the end of its ARN names it."""
    return f"targetgroup/{group.name}/{_digits(config, group.name)}"


def _written(log_format: AccessLogFormat, line: _Line, config: ProxyConfig) -> str:
    match log_format:
        case AccessLogFormat.ELB:
            return _classic(line, config)
        case AccessLogFormat.ALB:
            return _alb(line, config)
        case AccessLogFormat.JSON:
            return _json(line, config)


def _classic(line: _Line, config: ProxyConfig) -> str:
    return f'{line.time} {config.name} %ci:%cp {line.outcome} {line.received} {line.sent} "{line.asked}" %sslc %sslv'


def _alb(line: _Line, config: ProxyConfig) -> str:
    return (
        f"{line.kind} {line.time} {load_balancer_id(config)} %ci:%cp {line.outcome} {line.received} {line.sent} "
        f'"{line.asked}" %sslc %sslv {line.group} "{line.trace}" "{line.domain}" "{line.certificate}" {line.rule} '
        f'{line.created} "{line.action}" "-" "-" "{line.target}" "{line.target_status}" "-" "-" {line.connection} "-" "-" "-"'
    )


def _json(line: _Line, config: ProxyConfig) -> str:
    rule = "null" if line.rule == "-" else line.rule
    return (
        f'{{"type":"{line.kind}","time":"{line.time}","elb":"{load_balancer_id(config)}","client":"%ci:%cp",{line.outcome},'
        f'"received_bytes":{line.received},"sent_bytes":{line.sent},"request":"{line.asked}","ssl_cipher":"%sslc","ssl_protocol":"%sslv",'
        f'"target_group_arn":"{line.group}","trace_id":"{line.trace}","domain_name":"{line.domain}","chosen_cert_arn":"{line.certificate}",'
        f'"matched_rule_priority":{rule},"request_creation_time":"{line.created}","actions_executed":"{line.action}","conn_trace_id":"{line.connection}"}}'
    )


def _named(target: str, times: tuple[str, ...], code: str, target_code: str) -> str:
    first, second, third = times
    return (
        f'"target":{target},"request_processing_time":{first},"target_processing_time":{second},"response_processing_time":{third},'
        f'"elb_status_code":{code},"target_status_code":{target_code}'
    )


def _at(fetch: str) -> str:
    return f"%[{fetch},{_TIME}]Z"


def _variable(name: str, otherwise: str) -> str:
    """A variable in a log format, or what stands for it; in double quotes an argument may hold anything."""
    return f"%[var({name},{_argument(otherwise)})]"


def _microseconds(of: str, digits: int) -> str:
    unit = 10 ** (6 - digits)
    whole, part = 1_000_000, 10**digits
    scaled = f"div({unit})," if unit > 1 else ""
    return f"%[var(txn.{of}),div({whole})].%[var(txn.{of}),{scaled}mod({part}),add({part}),lower,bytes(1,{digits})]"


def _outcome_of_connection(log_format: AccessLogFormat) -> str:
    """Target, times and codes of a connection: one text if it reached a target, another if it didn't."""
    digits = 3 if log_format is AccessLogFormat.ALB else 6
    target = "%[bc_dst]:%[bc_dst_port]"
    times = (_milliseconds("req.timer.queue", digits), _milliseconds("bc.timer.connect", digits), f"{0:.{digits}f}")
    if log_format is AccessLogFormat.JSON:
        reached, lost = _named(f'"{target}"', times, "null", "null"), _named("null", _NONE, "null", "null")
    else:
        reached, lost = " ".join((target, *times, "- -")), " ".join(("-", *_NONE, "- -"))
    return _only(reached, f"when(acl,{REACHED})") + _only(lost, f"when(!acl,{REACHED})")


def _only(pieces: str, when: str) -> str:
    """A log format that is empty unless a condition holds."""
    texts_and_fetches = enumerate(re.split(r"%\[([^]]*)\]", pieces))
    return "".join(
        f"%{{-M}}[{part if n % 2 else f'str({_argument(part)})'},{when}]" for n, part in texts_and_fetches if part
    )


def _argument(text: str) -> str:
    """Any text as an argument of a fetch."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _milliseconds(timer: str, digits: int) -> str:
    return f"%[{timer},div(1000)].%[{timer},mod(1000),add(1000),lower,bytes(1,3)]{'0' * (digits - 3)}"


def _digits(config: ProxyConfig, *more: str) -> str:
    return hashlib.sha256("/".join((config.namespace, config.name, *more)).encode()).hexdigest()[:16]
