"""Targets that exit at once when told to end, and are told to only when the proxies are done with them."""

from collections.abc import Callable

import pytest
from elbow_kube.object import Object
from harness.client import Client, Closed
from harness.cluster_objects import LONG, balancer, targets
from harness.kube import OPERATOR, Space, no_operator, run, settled
from harness.load import Load
from harness.poll import until

_ASKS = {"elbow.dev/drain": "acknowledged"}


@pytest.fixture
def fragile(make_space: Callable[[str], Space]) -> Callable[..., Space]:
    """Makes targets that exit at once on SIGTERM, behind a LoadBalancer with ELB's own deregistration delay."""

    def make(labels: dict[str, str], replicas: int = 1, level: str = "privileged") -> Space:
        space = make_space(level)
        documents = targets("web", replicas, LONG)
        template = documents[1]["spec"]["template"]
        template["metadata"] = {"labels": {"app": "web", **labels}}
        del template["spec"]["containers"][0]["lifecycle"]
        space.apply(*documents, balancer({"deregistrationDelay": "300s"}))
        settled(space, replicas, limit=180)
        return space

    return make


def download(space: Space, seconds: float) -> Client:
    """One that has begun."""
    host, port = space.door("zone-a")
    client = Client(port, host, limit=30)
    client.send(b"GET /drip?seconds=%d HTTP/1.1\r\nHost: web\r\n\r\n" % seconds)
    assert client.read_head().status == 200
    assert client.read_chunk() == b"drip\n"
    return client


def rest(client: Client) -> int:
    """How many pieces are left; raises Closed if they don't all come."""
    return len([*iter(client.read_chunk, b"")])


def delete(space: Space) -> str:
    """Delete the target there is, and say which."""
    (pod,) = space.pods("app=web")
    name: str = pod["metadata"]["name"]
    space.kubectl("delete", "pod", name, "--wait=false")
    return name


def there(space: Space) -> set[str]:
    """The targets there are, also those on their way out."""
    found: list[Object] = space.get("pods", "--selector", "app=web")["items"]
    return {pod["metadata"]["name"] for pod in found}


def reasons(space: Space, pod: str) -> list[str]:
    """Of a pod's Events."""
    of = f"involvedObject.name={pod}"
    return space.kubectl("get", "events", "--field-selector", of, "-o", "jsonpath={.items[*].reason}").split()


def test_a_deleted_target_ends_when_its_download_is_over_and_then_at_once(fragile: Callable[..., Space]) -> None:
    space = fragile(_ASKS)
    with download(space, 8) as client:
        pod = delete(space)
        assert rest(client) == 79
        assert pod in there(space), "it waits for the download, and not less"
    until(lambda: pod not in there(space), limit=10, every=0.2, say="its end, long before 300 s")


def test_without_the_label_a_deleted_target_takes_the_download_along(fragile: Callable[..., Space]) -> None:
    space = fragile({})
    with download(space, 8) as client:
        delete(space)
        with pytest.raises(Closed):
            rest(client)


def test_a_target_waits_no_longer_than_it_asks_to(fragile: Callable[..., Space]) -> None:
    space = fragile({**_ASKS, "elbow.dev/drain-seconds": "3"})
    with download(space, 15) as client:
        pod = delete(space)
        with pytest.raises(Closed):
            rest(client)
    until(lambda: pod not in there(space), limit=10, every=0.2)


def test_what_a_proxy_still_serves_that_ends_itself_is_waited_for(fragile: Callable[..., Space]) -> None:
    space = fragile(_ASKS)
    with download(space, 16) as client:  # longer than the proxy has listeners
        for proxy in space.proxies():
            space.kubectl("delete", "pod", proxy["metadata"]["name"], "--wait=false")
        pod = delete(space)
        assert rest(client) == 159
        assert pod in there(space)
    until(lambda: pod not in there(space), limit=10, every=0.2)


def test_a_rollout_under_downloads_loses_none(fragile: Callable[..., Space]) -> None:
    space = fragile(_ASKS, replicas=3)
    host, port = space.door("zone-a")
    with Load(port, host=host, path="/drip?seconds=3", posts=False, keep_alive=4, fresh=4, limit=30) as load:
        old = there(space)
        space.kubectl("rollout", "restart", "deployment/web")
        space.kubectl("rollout", "status", "deployment/web", "--timeout=150s")
        until(lambda: not old & there(space), limit=60, every=0.3, say="the end of every old target")
    load.assert_clean(least=8)


def test_who_waits_goes_on_waiting_while_another_operator_takes_over(fragile: Callable[..., Space]) -> None:
    space = fragile(_ASKS)
    with download(space, 25) as client:
        pod = delete(space)
        until(lambda: "Killing" in reasons(space, pod), limit=20, every=0.2, say="the kubelet is about to ask")
        run(*OPERATOR, "rollout", "restart", "deployment/elbow-operator")
        assert rest(client) > 200
        assert pod in there(space)
        run(*OPERATOR, "rollout", "status", "deployment/elbow-operator", "--timeout=150s")
    until(lambda: pod not in there(space), limit=20, every=0.2)


def test_with_no_operator_a_target_ends_as_it_would_without_the_label(fragile: Callable[..., Space]) -> None:
    space = fragile(_ASKS)
    slices = ("get", "endpointslices", "elbow-drain", "--ignore-not-found", "-o", "name")
    with no_operator():
        until(lambda: not run(*OPERATOR, *slices), limit=60, every=0.5, say="nobody is there to ask")
        pod = delete(space)
        until(lambda: pod not in there(space), limit=20, every=0.2)
        assert "FailedPreStopHook" in reasons(space, pod)
