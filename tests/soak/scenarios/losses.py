"""A node, a zone, or the network between them is lost (groups 5, 7 and 8)."""

from collections.abc import Callable

from soak.cluster import kill_node, parted, start_node
from soak.scenario import Excuse, Scenario
from soak.stage import Stage

HOST = ("10.89.0.1", "fd00:89::1")
ZONE_C = ("10.89.0.14", "10.244.4.0/24")

ALL_BUT_A1 = (
    "10.89.0.1",
    *(f"10.89.0.{node}" for node in (12, 13, 14)),
    *(f"10.244.{node}.0/24" for node in (2, 3, 4)),
    "fd00:89::/64",
    *(f"fd00:244:0:{node}::/64" for node in (2, 3, 4)),
)


def _cut_node(stage: Stage) -> None:
    stage.mark("cut")
    with parted("a1", ALL_BUT_A1):
        stage.more(40)
    stage.mark("mended")
    stage.settle(limit=300)
    stage.more(5)


def _kill(node: str) -> Callable[[Stage], None]:
    def act(stage: Stage) -> None:
        stage.mark("power")
        kill_node(node)
        try:
            stage.more(40)
        finally:
            stage.mark("power back")
            start_node(node)
        stage.settle(limit=300)
        stage.more(5)

    return act


def _part_from_api(stage: Stage) -> None:
    stage.mark("parted")
    with parted("b1", HOST):
        stage.more(40)
    stage.mark("mended")
    stage.settle(limit=300)
    stage.roll_targets()


def _part_zones(stage: Stage) -> None:
    stage.mark("parted")
    with parted("b1", ZONE_C):
        stage.more(40)
    stage.mark("mended")
    stage.settle(limit=300)


_LEAVES = 30.0
"""Seconds until a dead node's proxies left the Service: NotReady after 20 s here (40 s by default elsewhere), and a little."""

_REPORTED = 16.0
"""Seconds until a kubelet that reaches the API server again has told that its node is there, and that its pods are: it goes
through its pods every 10 s."""

_GIVES_UP = 5.0
"""Seconds for which a client tries to connect, and sends again what was not answered."""

_OPENS = frozenset({"new", "TLS new", "HTTP/2", "download", "slow POST", "WebSocket", "TCP"})


def _tracked(mark: str, *doors: str) -> Excuse:
    """Linux remembers for two minutes where it sent a connection that was not answered, and sends the next from that port there again."""
    why = "a port whose attempt was not answered is led to the same proxy for two minutes more"
    return Excuse(mark, why, _LEAVES + _GIVES_UP + 120, kinds=_OPENS, doors=frozenset(doors), most=4)


_TARGETS = Excuse("power", "requests on its targets, until they missed their checks", 25, most=400)

SCENARIOS = (
    Scenario(
        name="node-cut",
        group=5,
        what="the network of a node of zone-a is cut, with its targets and proxies on it, and mended",
        act=_cut_node,
        elb="a zone's address until its checks failed (DNS: 60 s and more)",
        excuses=(
            Excuse("cut", "until the Service leaves it out", _LEAVES, doors=frozenset({"zone-a", "all"})),
            Excuse("cut", "requests on its targets, until they missed their checks", 25, most=400),
            _tracked("cut", "zone-a", "all"),
        ),
        again=False,
        moves=True,
    ),
    Scenario(
        name="node-power",
        group=7,
        what="a node of zone-a loses power, and has it again",
        act=_kill("a1"),
        elb="a zone's address until its checks failed (DNS: 60 s and more)",
        excuses=(
            Excuse("power", "until the Service leaves it out", _LEAVES, doors=frozenset({"zone-a", "all"})),
            _TARGETS,
            _tracked("power", "zone-a", "all"),
        ),
        again=False,
        moves=True,
    ),
    Scenario(
        name="zone-power",
        group=7,
        what="zone-c loses power, and has it again",
        act=_kill("c1"),
        elb="the zone's address until it left DNS (60 s and more)",
        zones=("zone-a", "zone-b"),
        excuses=(
            Excuse("power", "until the Service leaves it out", _LEAVES, doors=frozenset({"all"})),
            _TARGETS,
            _tracked("power", "all"),
        ),
        again=False,
    ),
    Scenario(
        name="part-api",
        group=8,
        what="zone-b can't reach the API server, and then can",
        act=_part_from_api,
        elb="not applicable",
        excuses=(
            Excuse(
                "mended",
                "the control plane took the zone for dead: its own Service has no proxy until the kubelets report again",
                _REPORTED,
                doors=frozenset({"zone-b"}),
            ),
        ),
        again=False,
    ),
    Scenario(
        name="part-zones",
        group=8,
        what="zone-b and zone-c can't reach each other, and then can",
        act=_part_zones,
        elb="504 for requests to targets across, until two checks failed",
        excuses=(
            Excuse("parted", "requests across, until targets there missed their checks", 25, most=600),
            Excuse(
                "parted",
                "the Service over all zones sends clients of zone-b to zone-c, and back: its zone's own name doesn't",
                90,
                doors=frozenset({"all"}),
            ),
        ),
        again=False,
        moves=True,
    ),
)
