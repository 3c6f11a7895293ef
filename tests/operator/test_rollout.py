"""A pod template that changes reaches the zones one after another."""

import pytest
from elbow_kube.object import Object
from elbow_operator.plan.rollout import marked, one_at_a_time, unfinished

ZONES = ("zone-a", "zone-b", "zone-c")


def planned(image: str, replicas: int = 2) -> Object:
    return marked(
        {
            "kind": "Deployment",
            "metadata": {"name": "elb-web", "annotations": {"user": "x"}},
            "spec": {"replicas": replicas, "template": {"spec": {"image": image}}},
        }
    )


def there(image: str, *, generation: int = 1, **status: int) -> Object:
    """As the API server has it: two proxies of the newest template at work, unless the status says otherwise."""
    document = planned(image)
    document["metadata"]["generation"] = generation
    document["spec"]["template"]["restartPolicy"] = "Always"
    settled = {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}
    return document | {"status": settled | status}


def images(new: str, cluster: dict[str, Object], lost: tuple[str, ...] = ()) -> dict[str, str]:
    """The image each zone is to have now."""
    now = one_at_a_time(dict.fromkeys(ZONES, planned(new)), cluster, lost)
    return {zone: document["spec"]["template"]["spec"]["image"] for zone, document in now.items()}


def test_zones_without_proxies_begin_together() -> None:
    assert images("new", {}) == dict.fromkeys(ZONES, "new")


def test_of_zones_that_work_the_first_changes_and_the_others_stay_as_they_are() -> None:
    cluster = dict.fromkeys(ZONES, there("old"))
    now = one_at_a_time(dict.fromkeys(ZONES, planned("new", replicas=5)), cluster, ())
    assert now["zone-a"] == planned("new", replicas=5)
    for zone in ("zone-b", "zone-c"):
        assert now[zone]["spec"] == {"replicas": 5, "template": cluster[zone]["spec"]["template"]}
        assert now[zone]["metadata"]["annotations"] == planned("old")["metadata"]["annotations"]


@pytest.mark.parametrize(
    "status",
    [
        {"observedGeneration": 0},
        {"replicas": 3},
        {"updatedReplicas": 1},
        {"availableReplicas": 0},
    ],
)
def test_while_a_zone_is_under_way_the_next_waits(status: dict[str, int]) -> None:
    cluster = {"zone-a": there("new", **status), "zone-b": there("old"), "zone-c": there("old")}
    assert images("new", cluster) == {"zone-a": "new", "zone-b": "old", "zone-c": "old"}


def test_when_it_is_done_the_next_begins() -> None:
    cluster = {"zone-a": there("new"), "zone-b": there("old"), "zone-c": there("old")}
    assert images("new", cluster) == {"zone-a": "new", "zone-b": "new", "zone-c": "old"}


def test_a_proxy_that_finds_no_room_holds_nobody_up_where_others_of_its_zone_work() -> None:
    cluster = {"zone-a": there("new", availableReplicas=1), "zone-b": there("old"), "zone-c": there("old")}
    assert images("new", cluster)["zone-b"] == "new"


def test_a_zone_with_no_proxy_at_work_changes_at_once() -> None:
    cluster = {"zone-a": there("bad", availableReplicas=0), "zone-b": there("old"), "zone-c": there("old")}
    assert images("new", cluster) == {"zone-a": "new", "zone-b": "new", "zone-c": "old"}
    assert images("new", dict.fromkeys(ZONES, there("bad", availableReplicas=0))) == dict.fromkeys(ZONES, "new")


def test_a_lost_zone_holds_nobody_up() -> None:
    cluster = {"zone-a": there("new", availableReplicas=0), "zone-b": there("old"), "zone-c": there("old")}
    assert images("new", cluster)["zone-b"] == "old"
    assert images("new", cluster, lost=("zone-a",))["zone-b"] == "new"


def test_a_template_that_does_not_work_stops_at_its_first_zone_until_another_is_planned() -> None:
    cluster = {"zone-a": there("old"), "zone-b": there("bad", replicas=3, updatedReplicas=1), "zone-c": there("old")}
    assert images("bad", cluster) == {"zone-a": "old", "zone-b": "bad", "zone-c": "old"}
    assert images("good", cluster) == {"zone-a": "old", "zone-b": "good", "zone-c": "old"}


def test_nothing_changes_where_the_template_is_the_same() -> None:
    cluster = dict.fromkeys(ZONES, there("same", availableReplicas=0))
    assert one_at_a_time(dict.fromkeys(ZONES, planned("same")), cluster, ()) == dict.fromkeys(ZONES, planned("same"))


def test_what_is_left_is_told_but_for_lost_zones() -> None:
    wanted = dict.fromkeys(ZONES, planned("new"))
    cluster = {"zone-a": there("new"), "zone-b": there("new", replicas=3), "zone-c": there("old")}
    assert unfinished(wanted, cluster, ()) == ("zone-b", "zone-c")
    assert unfinished(wanted, cluster, ("zone-c",)) == ("zone-b",)
    assert unfinished(wanted, dict.fromkeys(ZONES, there("new", availableReplicas=0)), ()) == ()
    assert unfinished(wanted, {}, ()) == ()


def test_scaling_and_the_first_proxies_are_no_replacement() -> None:
    wanted = dict.fromkeys(ZONES, planned("new"))
    assert unfinished(wanted, dict.fromkeys(ZONES, there("new", observedGeneration=0)), ()) == ZONES
    assert unfinished(wanted, dict.fromkeys(ZONES, there("new", observedGeneration=0, replicas=1)), ()) == ()
    assert unfinished(wanted, {zone: there("new") | {"status": {}} for zone in ZONES}, ()) == ()
