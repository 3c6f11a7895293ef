"""What is told of an object that is there: whether it is as it was planned."""

import copy
from typing import Any

import pytest
from elbow_operator.plan.drift import is_as_planned, stamped

PLANNED: dict[str, Any] = {
    "kind": "Service",
    "metadata": {"name": "elb-web", "annotations": {"user": "x"}},
    "spec": {"type": "ClusterIP", "ports": [{"port": 80, "targetPort": 80}]},
}


def there() -> dict[str, Any]:
    """As the API server has it once it was applied: with defaults, a status, and what others added."""
    document: dict[str, Any] = copy.deepcopy(stamped(PLANNED))
    document["metadata"] |= {"uid": "u", "resourceVersion": "7"}
    document["metadata"]["annotations"]["other"] = "y"
    document["spec"]["clusterIP"] = "10.0.0.1"
    document["spec"]["ports"][0]["protocol"] = "TCP"
    return document | {"status": {}}


def test_what_was_applied_is_as_planned_whatever_others_added() -> None:
    assert is_as_planned(stamped(PLANNED), there())


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["spec"].update(type="NodePort"),
        lambda d: d["spec"].pop("type"),
        lambda d: d["spec"]["ports"].append({"port": 81}),
        lambda d: d["spec"]["ports"][0].update(targetPort=81),
        lambda d: d["metadata"]["annotations"].pop("user"),
    ],
)
def test_what_someone_changed_is_not(change: Any) -> None:
    document = there()
    change(document)
    assert not is_as_planned(stamped(PLANNED), document)


def test_what_is_planned_no_more_is_seen_by_the_stamp() -> None:
    less = copy.deepcopy(PLANNED)
    del less["metadata"]["annotations"]["user"]
    assert not is_as_planned(stamped(less), there())
