"""Load balancers with access logs, made once for all tests here."""

from collections.abc import Callable, Iterator

import pytest
from conftest import Targets
from harness.background import Background
from harness.certificates import Authority
from harness.ports import Ports

from access_logs.logged import FORMS, Logged, logged


@pytest.fixture(scope="session")
def logs(background: Background, ports: Ports, authority: Authority) -> Iterator[Callable[[str], Logged]]:
    """The load balancer of a format."""
    targets = Targets(background, ports)
    made: dict[str, Logged] = {}

    def log(form: str) -> Logged:
        if form not in made:
            made[form] = logged(form, targets, ports, authority)
        made[form].forget()
        return made[form]

    yield log
    for one in made.values():
        one.elbow.stop()
    targets.stop()


@pytest.fixture(params=FORMS)
def log(request: pytest.FixtureRequest, logs: Callable[[str], Logged]) -> Logged:
    """Each format in turn."""
    return logs(request.param)


@pytest.fixture
def classic_log(logs: Callable[[str], Logged]) -> Logged:
    """Classic's."""
    return logs("elb")


@pytest.fixture
def alb_log(logs: Callable[[str], Logged]) -> Logged:
    """ALB's."""
    return logs("alb")
