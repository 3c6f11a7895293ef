"""What ties clients to targets (ELB section 4).

A cookie is `TARGET.EXPIRY.SIGNATURE`: the target's opaque name, seconds since the epoch, and the first half of a
keyed hash of both. So any proxy of the load balancer honours it without having seen the client before. A signature
is made or checked once a second and client connection; what was made or found genuine is kept with the connection.
"""

import base64
from collections.abc import Sequence

from elbow_api.listener import Listener
from elbow_api.target_group import Stickiness, StickinessType, TargetGroup

from elbow_dataplane.haproxy.engine import Engine
from elbow_dataplane.haproxy.render.listener_counter import counter
from elbow_dataplane.haproxy.render.quote import quote_fetch
from elbow_dataplane.haproxy.render.variable import duration_variable

_NAME, _SIGNED, _LENGTH = 16, 27, 60
_LIFE = 604_800  # seconds; what clients are told, whatever the duration that counts (ELB section 4.1)


def lines(group: TargetGroup, listeners: Sequence[Listener], engine: Engine) -> list[str]:
    """The rules of a backend whose clients are tied to targets."""
    sticky = group.stickiness
    if sticky is None:
        return []
    if sticky.type is StickinessType.SOURCE_IP:
        return [f"  stick-table type ipv6 size 100k expire {sticky.duration.milliseconds}ms", "  stick on src"]
    name = "AWSALB" if sticky.type is StickinessType.LB_COOKIE else "AWSALBAPP-0"
    return [*_recognise(name, sticky, engine), *_issue(name, sticky, group, listeners, engine)]


def _recognise(name: str, sticky: Stickiness, engine: Engine) -> list[str]:
    """Find the target a request is tied to: its cookie is ours, hasn't lapsed, and the application's is there too.

    Many clients' requests may come on one connection, so what was kept with the connection counts only for a request
    whose own cookie equals it.
    """
    read = [f"  http-request set-var(txn.cookie) req.cook({name})"]
    if sticky.type is StickinessType.LB_COOKIE:
        # All that a browser sends along from another site.
        read.append(f"  http-request set-var(txn.cookie) req.cook({name}CORS) unless {{ var(txn.cookie) -m found }}")
    lasts = "{ date,sub(sess.until) le 0 }"
    if sticky.cookie_name is not None:
        lasts += f" {{ {quote_fetch('req.cook', sticky.cookie_name)} -m found }}"
    signed = f"var(txn.cookie),bytes(0,{_SIGNED})"
    genuine = "!known { var(txn.cookie),secure_memcmp(txn.genuine) }"
    return [
        *read,
        "  acl known var(txn.cookie),strcmp(sess.known) eq 0",
        f'  http-request set-var-fmt(txn.genuine) "%[{signed}].%[{signed},{_hash(engine)}]" if !known {{ var(txn.cookie) -m len {_LENGTH} }}',
        f"  http-request set-var(sess.until) var(txn.cookie),bytes({_NAME + 1},10) if {genuine}",
        f"  http-request set-var(sess.known) var(txn.cookie) if {genuine}",
        f"  http-request set-var(txn.tied) var(txn.cookie),bytes(0,{_NAME}) if known {lasts}",
        "  acl tied var(txn.tied) -m found",
        "  use-server %[var(txn.tied)] if tied",
        f"  http-request sc-inc-gpc({counter('not_sticky')},0) if !tied",
    ]


def _issue(
    name: str, sticky: Stickiness, group: TargetGroup, listeners: Sequence[Listener], engine: Engine
) -> list[str]:
    """Renew the tie with every answer; with the application's cookie, begin it only when that is set (ELB section 4.5)."""
    same = f"{{ var(sess.cookie),bytes(0,{_SIGNED}),strcmp(txn.next) eq 0 }}"
    value = f"%[var(txn.next)].%[var(txn.next),{_hash(engine)}]; Expires=%[date({_LIFE}),http_date]; Path=/"
    when = ""
    if sticky.cookie_name is not None:
        when = f" if tied or {{ {quote_fetch('res.cook', sticky.cookie_name)} -m found }}"
    rules = [
        # The target it was tied to left, or couldn't be reached.
        f"  http-response sc-inc-gpc({counter('not_sticky')},0) if tied !{{ srv_name,strcmp(txn.tied) eq 0 }}",
        f'  http-response set-var-fmt(txn.next) "%[srv_name].%[date,add({duration_variable(group)})]"',
        f'  http-response set-var-fmt(sess.cookie) "{value}" unless {same}',
        f'  http-response add-header Set-Cookie "{name}=%[var(sess.cookie)]"{when}',
    ]
    if sticky.type is StickinessType.LB_COOKIE:
        rules += _twin(name, listeners)
    return rules


def _twin(name: str, listeners: Sequence[Listener]) -> list[str]:
    """The cookie for requests from other sites; browsers take SameSite=None only with Secure (ELB section 4.1)."""
    rule = f'  http-response add-header Set-Cookie "{name}CORS=%[var(sess.cookie)]; SameSite=None'
    encrypted = {listener.protocol.is_encrypted for listener in listeners}
    if encrypted == {True}:
        return [f'{rule}; Secure"']
    if encrypted == {False}:
        return [f'{rule}"']
    return [f'{rule}; Secure" if {{ ssl_fc }}', f'{rule}" if !{{ ssl_fc }}']


def _hash(engine: Engine) -> str:
    return f"hmac(sha256,{base64.b64encode(engine.secret).decode()}),hex,bytes(0,{_LENGTH - _SIGNED - 1})"
