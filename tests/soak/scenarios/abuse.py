"""Bad clients beside the good ones (group 4)."""

from collections.abc import Callable

from soak.scenario import Scenario
from soak.stage import Stage


def _abuse(kind: str, number: int, port: int = 80) -> Callable[[Stage], None]:
    def act(stage: Stage) -> None:
        before = stage.containers()
        with stage.abuse(kind, number, port):
            stage.mark(f"{number} bad clients")
            stage.more(stage.long / 2)
            held, (used, limit) = stage.connections(port), stage.memory()
            stage.mark(f"{held} connections are held, and HAProxy used {used} MiB of {limit} at most")
        stage.more(5)
        assert stage.containers() == before, "a container was started again"
        assert used < limit, f"{used} MiB used, {limit} are the limit"

    return act


def _scenario(name: str, what: str, act: Callable[[Stage], None], *, ci: bool = False) -> Scenario:
    return Scenario(name=name, group=4, what=what, act=act, elb="nothing", ci=ci)


SCENARIOS = (
    _scenario("slowloris", "600 clients that send a header every few seconds", _abuse("slowloris", 600), ci=True),
    _scenario("idle", "10,000 idle connections", _abuse("idle", 10_000)),
    _scenario("flood", "more connections than every proxy takes", _abuse("idle", 14_000)),
    _scenario("huge-headers", "30 clients whose headers fit nowhere", _abuse("headers", 30)),
    _scenario("smuggling", "30 clients that send what parsers read differently", _abuse("smuggling", 30)),
    _scenario("half-tls", "600 clients that begin a TLS handshake and stop", _abuse("hello", 600, 443)),
)
