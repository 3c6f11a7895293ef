"""The responses the balancer makes itself, as ALB words them (ELB section 9.1)."""

from elbow_dataplane.haproxy.engine import Engine

SERVER = "awselb/2.0"
_TEXTS = {
    400: "400 Bad Request",
    401: "401 Authorization Required",
    403: "403 Forbidden",
    404: "404 Not Found",
    405: "405 Not Allowed",
    408: "408 Request Time-out",
    413: "413 Request Entity Too Large",
    414: "414 Request-URI Too Large",
    463: "463",
    464: "464",
    500: "500 Internal Server Error",
    501: "501 Not Implemented",
    502: "502 Bad Gateway",
    503: "503 Service Temporarily Unavailable",
    504: "504 Gateway Time-out",
}
# What HAProxy calls otherwise: headers too large are 400 with ELB, an unknown Transfer-Encoding is 501.
_RENAMED = {431: 400, 422: 501}
_FILES = [400, 401, 403, 404, 405, 408, 413, 414, 500, 501, 502, 503, 504]
_OWN = [463, 464]

# Whether the failed attempt to reach a target timed out, was refused, or never happened for want of a target,
# is known when the answer is made, not when the rule is written.
_UNREACHED = (
    "%[str(502 Bad Gateway),when(acl,elb_failed),when(acl,elb_target)]"
    "%[str(504 Gateway Time-out),when(acl,elb_timed_out)]"
    "%[str(503 Service Temporarily Unavailable),when(acl,elb_failed),when(!acl,elb_target)]"
    "%[str(503 Service Temporarily Unavailable),when(!acl,elb_failed),when(!acl,elb_timed_out)]"
)
_UNREAD = "%[str(408 Request Time-out),when(acl,elb_client_slow)]%[str(400 Bad Request),when(!acl,elb_client_slow)]"


def files() -> dict[str, bytes]:
    """The files the configuration refers to, by name within the run directory."""
    named = {f"errors/{code}.http": _response(code, _TEXTS[code]) for code in _FILES}
    named |= {f"errors/{code}.http": _response(as_code, _TEXTS[as_code]) for code, as_code in _RENAMED.items()}
    named |= {f"errors/{code}.html": _page(_TEXTS[code]).encode() for code in _OWN}
    return named | {"errors/503.lf": _page(_UNREACHED).encode(), "errors/400.lf": _page(_UNREAD).encode()}


def section(engine: Engine) -> tuple[str, list[str]]:
    """The set of responses every HTTP section uses."""
    codes = sorted([*_FILES, *_RENAMED])
    return "http-errors awselb", [f"  errorfile {code} {engine.run}/errors/{code}.http" for code in codes]


# Why no target answered: none there 503, refused 502, timed out 504 (HAProxy says 503 to all).
_CAUSES = [
    "  acl elb_target srv_id -m found",
    "  acl elb_failed txn.sess_term_state -m beg SC",
    "  acl elb_timed_out txn.sess_term_state -m beg sC",
    "  acl elb_client_slow txn.sess_term_state -m beg c",
]


def pages(engine: Engine) -> list[str]:
    """What a backend answers when no target does."""
    page = f"content-type text/html lf-file {engine.run}/errors"
    return [
        *_CAUSES,
        f"  http-error status 503 {page}/503.lf hdr Server {SERVER}",
        f"  http-error status 400 {page}/400.lf hdr Server {SERVER}",
    ]


def told_apart() -> list[str]:
    """The status of such an answer; behind the rules that end with what went well, and with what a target answered."""
    return [
        *_CAUSES,
        '  http-after-response set-status 408 reason "Request Time-out" if { status 400 } elb_client_slow',
        '  http-after-response set-status 504 reason "Gateway Time-out" if { status 503 } elb_timed_out',
        '  http-after-response set-status 502 reason "Bad Gateway" if { status 503 } elb_failed elb_target',
        '  http-after-response set-status 503 reason "Service Temporarily Unavailable" if { status 503 }',
    ]


def answer(code: int, engine: Engine) -> str:
    """The words of a rule that answers with one of ELB's own codes."""
    return f"return status {code} content-type text/html file {engine.run}/errors/{code}.html hdr Server {SERVER}"


def _page(text: str) -> str:
    return f"<html>\r\n<head><title>{text}</title></head>\r\n<body>\r\n<center><h1>{text}</h1></center>\r\n</body>\r\n</html>\r\n"


def _response(code: int, text: str) -> bytes:
    body = _page(text)
    reason = text.partition(" ")[2]
    head = f"HTTP/1.1 {code} {reason}\r\nServer: {SERVER}\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n\r\n"
    return (head + body).encode()
