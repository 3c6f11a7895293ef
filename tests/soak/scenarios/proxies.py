"""Proxies come and go (group 2), and die (group 6)."""

from soak.scenario import Excuse, Scenario
from soak.stage import Stage


def _roll(stage: Stage) -> None:
    stage.turn += 1
    resources = {"requests": {"cpu": f"{50 + stage.turn % 2}m"}, "limits": {"memory": "256Mi"}}
    stage.mark("new resources")
    stage.space.apply(stage.balancer(proxy={"replicas": 2, "resources": resources}))
    stage.until_programmed()
    stage.roll_proxies()
    stage.settle()


def _scale(stage: Stage) -> None:
    for replicas in (4, 2):
        stage.mark(f"to {replicas}")
        proxy = {**stage.balancer()["spec"]["proxy"], "replicas": replicas}
        stage.space.apply(stage.balancer(proxy=proxy))
        stage.until_programmed()
        stage.roll_proxies()
    stage.settle()


def _autoscale(stage: Stage) -> None:
    """What a HorizontalPodAutoscaler does: it sets the Deployment's scale."""
    for replicas in (4, 1, 3, 2):
        stage.mark(f"autoscaled to {replicas}")
        for zone in ("zone-a", "zone-b", "zone-c"):
            stage.kubectl("scale", f"deployment/elb-soak-{zone}", f"--replicas={replicas}")
        stage.roll_proxies()


def _drain(stage: Stage) -> None:
    stage.mark("drain a1")
    try:
        stage.kubectl("drain", "a1", "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=240s")
        stage.settle()
        stage.more(3)
    finally:
        stage.kubectl("uncordon", "a1")
    # Back to a proxy on each node.
    stage.kubectl("delete", "pod", stage.proxies("zone-a")[0]["metadata"]["name"], "--wait=true", limit=240)
    stage.roll_proxies()


def _kill_worker(stage: Stage) -> None:
    proxy = stage.proxies("zone-b")[0]
    stage.mark("kill")
    stage.kill(proxy, "haproxy", which=-1)
    stage.more(12)


def _kill_master(stage: Stage) -> None:
    proxy = stage.proxies("zone-b")[0]
    stage.mark("kill")
    stage.kill(proxy, "haproxy", which=1)  # after the shell that starts it again
    stage.more(12)


def _kill_container(stage: Stage) -> None:
    proxy = stage.proxies("zone-b")[0]
    stage.mark("kill")
    stage.kill(proxy, "haproxy", which=0)
    stage.more(25)  # the kubelet waits longer each time


_DOORS = frozenset({"zone-b", "all"})

SCENARIOS = (
    Scenario(
        name="proxy-rollout",
        group=2,
        what="rolling update of every proxy; long streams go on through those that stop",
        act=_roll,
        elb="nothing told; connections are closed without notice when ELB replaces its nodes",
        ci=True,
    ),
    Scenario(
        name="proxy-scale",
        group=2,
        what="proxies scaled 2 to 4 to 2 in each zone",
        act=_scale,
        elb="connections are closed when ELB scales in",
    ),
    Scenario(
        name="proxy-drain",
        group=2,
        what="kubectl drain of a node with proxies and targets",
        act=_drain,
        elb="not applicable",
    ),
    Scenario(
        name="proxy-autoscale",
        group=2,
        what="a HorizontalPodAutoscaler's moves, 2 to 4 to 1 to 3 to 2",
        act=_autoscale,
        elb="connections are closed when ELB scales in",
        spec={
            "proxy": {
                "replicas": 1,
                "maxReplicas": 4,
                "resources": {"requests": {"cpu": "50m"}, "limits": {"memory": "256Mi"}},
            }
        },
        again=False,
    ),
    Scenario(
        name="haproxy-kill",
        group=6,
        what="SIGKILL for the HAProxy process of a proxy",
        act=_kill_worker,
        elb="connections to a node of ELB's that dies, until its address leaves DNS",
        excuses=(Excuse("kill", "its connections, and refusals for under a second", 1.0, doors=_DOORS, most=120),),
        ci=True,
    ),
    Scenario(
        name="haproxy-kill-master",
        group=6,
        what="SIGKILL for HAProxy's master, with which its worker ends",
        act=_kill_master,
        elb="as above",
        excuses=(Excuse("kill", "its connections, and refusals for under a second", 1.0, doors=_DOORS, most=120),),
    ),
    Scenario(
        name="haproxy-kill-all",
        group=6,
        what="SIGKILL for the first process of HAProxy's container, and so for all of it",
        act=_kill_container,
        elb="as above",
        excuses=(
            Excuse(
                "kill",
                "its connections, and refusals until the kubelet, which looks once a second, has started it again",
                3.0,
                doors=_DOORS,
                most=240,
            ),
        ),
        again=False,
    ),
)
