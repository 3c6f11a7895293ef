"""Targets come and go (group 1), and are lost (group 5)."""

import itertools

from elbow_kube.object import Object
from harness.client import Client

from soak.cluster import mute
from soak.objects import balancer_spec
from soak.scenario import Excuse, Scenario
from soak.stage import Stage


def _roll(stage: Stage) -> None:
    stage.mark("rollout")
    stage.roll_targets()


def _scale(stage: Stage) -> None:
    for replicas in (2, 8, 6):
        stage.mark(f"to {replicas}")
        stage.scale_targets(replicas)
        stage.more(3)


def _flap(stage: Stage) -> None:
    """Two targets at a time are not ready for a while."""
    pods = itertools.cycle(stage.space.pods("app=soak"))
    for _ in range(3):
        some = [next(pods), next(pods)]
        for pod in some:
            _tell(pod, "/ready?ok=0")
        stage.mark("two aren't ready")
        stage.settle(stage.replicas - 2)
        for pod in some:
            _tell(pod, "/ready?ok=1")
        stage.settle()


def _delete(stage: Stage) -> None:
    """Half of the targets are deleted, one after another, while downloads of half a minute run."""
    for pod in stage.space.pods("app=soak")[:3]:
        stage.mark("delete")
        stage.kubectl("delete", "pod", pod["metadata"]["name"], "--wait=false")
        stage.more(5)
    stage.until_targets_are_gone()


def _replace(stage: Stage) -> None:
    """As many new ones as there are; then every old one goes in the same moment."""
    old = stage.space.pods("app=soak")
    stage.scale_targets(2 * len(old))
    for pod in old:
        stage.kubectl("annotate", "pod", pod["metadata"]["name"], "controller.kubernetes.io/pod-deletion-cost=-100")
    stage.mark("replaced")
    stage.scale_targets(len(old))


def _kill(stage: Stage) -> None:
    """SIGKILL for a target, another one each time; its container starts again, with the same address."""
    stage.turn += 1
    pods = stage.space.pods("app=soak")
    pod = pods[stage.turn % len(pods)]
    stage.mark("kill")
    stage.kill(pod, "target.py")
    stage.more(5)
    stage.settle()


def _cut(stage: Stage) -> None:
    """A target's network is gone, without a word, and comes back."""
    pod = stage.space.pods("app=soak")[0]
    stage.mark("cut")
    with mute(pod):
        stage.more(50)
    stage.mark("mended")
    stage.settle()


def _tell(pod: Object, path: str) -> None:
    with Client(8080, pod["status"]["podIP"], limit=30) as client:
        assert client.request("POST", path).status == 200


SCENARIOS = (
    Scenario(
        name="target-rollout",
        group=1,
        what="rolling update of the targets, which finish what they serve",
        act=_roll,
        elb="502 for 1 to 15 s a target without a preStop; nothing with one",
        ci=True,
    ),
    Scenario(
        name="target-rollout-drain",
        group=1,
        what="rolling update of targets that stop at once on SIGTERM, with the label elbow.dev/drain-seconds: 20",
        act=_roll,
        elb="nothing, with a preStop that sleeps longer than the longest request",
        targets={"stop": "at-once", "labels": {"elbow.dev/drain-seconds": "20"}},
        ci=True,
    ),
    Scenario(
        name="target-rollout-acknowledged",
        group=1,
        what="rolling update of targets that stop at once on SIGTERM, with the label elbow.dev/drain: acknowledged",
        act=_roll,
        elb="nothing, with a preStop that asks for the target's health until it is unused",
        targets={"stop": "at-once", "labels": {"elbow.dev/drain": "acknowledged"}},
    ),
    Scenario(
        name="target-rollout-at-once",
        group=1,
        what="rolling update of targets that stop at once on SIGTERM, and nothing done about it",
        act=_roll,
        elb="502 for whatever runs and for 1 to 15 s of new requests a target",
        targets={"stop": "at-once"},
        excuses=(Excuse("rollout", "a target that exits with requests under way takes them along", 240, most=6 * 40),),
    ),
    Scenario(
        name="target-rollout-one",
        group=1,
        what="rolling update of a single target, with the label elbow.dev/readiness-gate",
        act=_roll,
        elb="nothing, with the controller's webhook for readiness gates",
        targets={"replicas": 1, "labels": {"elbow.dev/readiness-gate": "enabled"}},
        ci=True,
    ),
    Scenario(
        name="target-rollout-one-as-is",
        group=1,
        what="rolling update of a single target, and nothing done about it",
        act=_roll,
        elb="503 from when the old one leaves until the new one passed its checks",
        targets={"replicas": 1},
        excuses=(Excuse("rollout", "the cluster takes the old one away before proxies have checked the new one", 60),),
    ),
    Scenario(
        name="target-rollout-warm",
        group=1,
        what="rolling update of targets that answer 503 for 10 s after they are ready, with the label elbow.dev/readiness-gate",
        act=_roll,
        elb="nothing, with the controller's webhook for readiness gates",
        targets={"warm": 10, "labels": {"elbow.dev/readiness-gate": "enabled"}},
    ),
    Scenario(
        name="target-rollout-warm-as-is",
        group=1,
        what="rolling update of targets that answer 503 for 10 s after they are ready, and nothing done about it",
        act=_roll,
        elb="503 from when the last old target leaves until the first new one passed its checks",
        targets={"warm": 10},
        moves=True,
        excuses=(Excuse("rollout", "the cluster takes the old ones away before proxies find a new one healthy", 120),),
    ),
    Scenario(
        name="target-scale",
        group=1,
        what="targets scaled 6 to 2 to 8",
        act=_scale,
        elb="as a rollout",
        ci=True,
    ),
    Scenario(
        name="target-readiness",
        group=1,
        what="readiness of two targets at a time goes and comes",
        act=_flap,
        elb="nothing",
        moves=True,
    ),
    Scenario(
        name="target-delete",
        group=1,
        what="targets deleted while downloads of up to 30 s run, which end whole",
        act=_delete,
        elb="nothing within the deregistration delay",
        seconds=30.0,
        spec={"targetGroups": [{**group, "deregistrationDelay": "45s"} for group in balancer_spec()["targetGroups"]]},
    ),
    Scenario(
        name="target-replace",
        group=1,
        what="every target replaced in the same moment, with new addresses",
        act=_replace,
        elb="503 until the new targets passed their checks",
    ),
    Scenario(
        name="target-kill",
        group=5,
        what="SIGKILL for a target",
        act=_kill,
        moves=True,
        elb="what is under way, and 502 until two checks failed",
        excuses=(Excuse("kill", "what was under way on it is lost with it", 0.5, most=60),),
        ci=True,
    ),
    Scenario(
        name="target-cut",
        group=5,
        what="a target's network is cut, and mended",
        act=_cut,
        moves=True,
        elb="what is under way, and 504 until two checks failed",
        excuses=(
            Excuse("cut", "nobody can know that a silent target is gone before it missed its checks", 25, most=400),
        ),
    ),
)
