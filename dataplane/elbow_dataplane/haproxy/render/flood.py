"""A client that takes more and more connections leaves room for the others.

At its limit HAProxy accepts nobody. So once half of the connections are in use, those of each address are counted from
there on, and one that has a quarter of all is refused more. Below that it costs a comparison for each connection.
"""

from elbow_api.listener import Listener

from elbow_dataplane.haproxy.engine import Engine

TABLE = "client_connections"


def section() -> tuple[str, list[str]]:
    """The table of those who connect while it is crowded; a row lasts as long as its connections, and a little."""
    return f"backend {TABLE}", ["  stick-table type ipv6 size 10k expire 10s store conn_cur"]


def client_layer(listener: Listener) -> str:
    """When rules know the client's address: behind another balancer once its PROXY header was read."""
    return "session" if listener.accept_proxy_protocol else "connection"


def lines(listener: Listener, engine: Engine) -> list[str]:
    """A listener's rules."""
    layer = client_layer(listener)
    crowded, share = engine.max_connections // 2, engine.max_connections // 4
    return [
        f"  tcp-request {layer} track-sc2 src table {TABLE} if {{ act_conn gt {crowded} }}",
        f"  tcp-request {layer} reject if {{ sc2_conn_cur gt {share} }}",
    ]
