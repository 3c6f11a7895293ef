"""What ties clients to targets (ELB section 4).

A cookie is `TARGET.EXPIRY.SIGNATURE`: the target's opaque name, seconds since the epoch, and the first half of a
keyed hash of both (HMAC-SHA256). So any proxy of the load balancer honours it without having seen the client before. A signature
is made or checked once a second and client connection; what was made or found genuine is kept with the connection.
"""

import base64

from elbow_api.listener import Listener
from elbow_api.target_group import Stickiness, StickinessType, TargetGroup

from elbow_dataplane.haproxy.engine import Engine
from elbow_dataplane.haproxy.render.listener_counter import counter
from elbow_dataplane.haproxy.render.quote import quote_fetch
from elbow_dataplane.haproxy.render.variable import duration_variable

_NAME, _SIGNED, _LENGTH = 16, 27, 50
_VALUE = "%[var(sess.cookie)]; Expires=%[var(sess.expires)]; Path=/"
_LIFE = 604_800  # seconds; what clients are told, whatever the duration that counts (ELB section 4.1)


def lines(group: TargetGroup, engine: Engine) -> list[str]:
    """The rules of a backend whose clients are tied to targets."""
    sticky = group.stickiness
    if sticky is None:
        return []
    if sticky.type is StickinessType.SOURCE_IP:
        return [f"  stick-table type ipv6 size 100k expire {sticky.duration.milliseconds}ms", "  stick on src"]
    return [*_recognise(_name(sticky), sticky, engine), *_sign(group, engine)]


def cookies(listener: Listener, group: TargetGroup) -> list[str]:
    """Renew the tie with every answer; with the application's cookie, begin it only when that is set (ELB section 4.5).

    Rules of the frontend: it goes on where the backend, with nothing to sign, has left its own.
    """
    sticky = group.stickiness
    if sticky is None or sticky.type is StickinessType.SOURCE_IP:
        return []
    rule = f'  http-response add-header Set-Cookie "{_name(sticky)}'
    if sticky.cookie_name is not None:
        came = f"{{ {quote_fetch('res.cook', sticky.cookie_name)} -m found }}"
        return [f'{rule}={_VALUE}" if {{ var(txn.tied) -m found }} or {came}']
    # For requests from other sites; browsers take SameSite=None only with Secure (ELB section 4.1).
    secure = "; Secure" if listener.protocol.is_encrypted else ""
    return [f'{rule}={_VALUE}"', f'{rule}CORS={_VALUE}; SameSite=None{secure}"']


def choice(group: TargetGroup) -> list[str]:
    """Where a tied request goes; HAProxy wants it after all rules on requests."""
    by_cookie = group.stickiness is not None and group.stickiness.type is not StickinessType.SOURCE_IP
    return ["  use-server %[var(txn.tied)] if tied"] if by_cookie else []


def _recognise(name: str, sticky: Stickiness, engine: Engine) -> list[str]:
    """Find the target a request is tied to: its cookie is ours, hasn't lapsed, and the application's is there too.

    Many clients' requests may come on one connection, so what was kept with the connection counts only for a request
    whose own cookie equals it.
    """
    lasts = "{ date,sub(sess.until) le 0 }"
    if sticky.cookie_name is not None:
        lasts += f" {{ {quote_fetch('req.cook', sticky.cookie_name)} -m found }}"
    tie = f"  http-request set-var(txn.tied) var(sess.known),bytes(0,{_NAME})"
    # All that a browser sends along from another site is the twin.
    twin = sticky.type is StickinessType.LB_COOKIE
    signed = f"var(txn.cookie),bytes(0,{_SIGNED})"
    genuine = "!tied { var(txn.cookie),secure_memcmp(txn.genuine) }"
    return [
        "  acl tied var(txn.tied) -m found",
        f"{tie} if {{ req.cook({name}),strcmp(sess.known) eq 0 }} {lasts}",
        # Nothing that follows here or in the backend is for such a request.
        "  http-request allow if tied METH_GET",
        f"  http-request set-var(txn.cookie) req.cook({name}) if !tied",
        *(
            [f"  http-request set-var(txn.cookie) req.cook({name}CORS) if !tied !{{ req.cook({name}) -m found }}"]
            if twin
            else []
        ),
        # What this connection was given last needn't be checked.
        "  http-request set-var(txn.genuine) var(sess.cookie) if !tied { var(txn.cookie),strcmp(sess.cookie) eq 0 }",
        (
            f'  http-request set-var-fmt(txn.genuine) "%[{signed}].%[{signed},{_hash(engine)}]" '
            f"if !tied !{{ var(txn.genuine) -m found }} {{ var(txn.cookie) -m len {_LENGTH} }}"
        ),
        f"  http-request set-var(sess.until) var(txn.cookie),bytes({_NAME + 1},10) if {genuine}",
        f"  http-request set-var(sess.known) var(txn.cookie) if {genuine}",
        f"{tie} if {genuine} {lasts}",
        f"  http-request sc-inc-gpc({counter('not_sticky')},0) if !tied",
    ]


def _sign(group: TargetGroup, engine: Engine) -> list[str]:
    """Make the cookie of the target that answered, unless the connection has one of this second."""
    return [
        # The target it was tied to left, or couldn't be reached.
        f"  http-response sc-inc-gpc({counter('not_sticky')},0) if {{ srv_name,strcmp(txn.tied),bool }}",
        "  http-response allow if { date,sub(sess.at) eq 0 } { srv_name,strcmp(sess.on) eq 0 }",
        f'  http-response set-var-fmt(txn.next) "%[srv_name].%[date,add({duration_variable(group)})]"',
        f'  http-response set-var-fmt(sess.cookie) "%[var(txn.next)].%[var(txn.next),{_hash(engine)}]"',
        f"  http-response set-var(sess.expires) date({_LIFE}),http_date",
        "  http-response set-var(sess.at) date",
        "  http-response set-var(sess.on) srv_name",
    ]


def _name(sticky: Stickiness) -> str:
    return "AWSALB" if sticky.type is StickinessType.LB_COOKIE else "AWSALBAPP-0"


def _hash(engine: Engine) -> str:
    return f"hmac(sha256,{signing_key(engine)}),bytes(0,16),ub64enc"


def signing_key(engine: Engine) -> str:
    """The key as the configuration has it."""
    return base64.b64encode(engine.secret).decode()
