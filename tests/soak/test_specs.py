"""The specs a scenario goes through."""

import random

from elbow_api.load_balancer import LoadBalancer
from elbow_api.rules import broken

from soak.objects import balancer_spec
from soak.scenarios.control import random_spec


def test_every_change_of_the_spec_is_one_that_is_accepted() -> None:
    chance = random.Random(5)
    for _ in range(200):
        spec = balancer_spec() | random_spec(chance, balancer_spec())
        document = {
            "apiVersion": "elbow.dev/v1alpha1",
            "kind": "LoadBalancer",
            "metadata": {"name": "soak"},
            "spec": spec,
        }
        assert not broken(LoadBalancer.model_validate(document).spec)
