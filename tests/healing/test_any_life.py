"""Whatever happens, in whatever order: no request fails that ELB would not fail, and what is wanted soon runs.

Longer by ELBOW_LIVES, the number of lives tried.
"""

import os
from collections.abc import Callable
from typing import Any

from harness.background import Background
from harness.client import Closed, get
from harness.elbow import Elbow
from harness.load import Load
from harness.machine import slowness
from harness.manifest import http
from harness.poll import until
from harness.ports import Ports
from harness.target import Target
from harness.targets import Targets
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

LIVES, STEPS = int(os.environ.get("ELBOW_LIVES", "4")), 20
SABOTAGE = (
    "set server tg_web/{server} state maint",
    "set server tg_web/{server} weight 9",
    "set server tg_web/{server} addr 127.0.0.9 port 9",
    "set server tg_web/{server} state maint; del server tg_web/{server}",
    "disable health tg_web/{server}",
    "add server tg_web/foreign 127.0.0.9:9; enable health tg_web/foreign",
    "experimental-mode on; set var proc.min_web int(50)",
)


OUT = 0x3B
"""Maintenance and draining in a server's admin state; 0x04 only says that its line in the file had it disabled."""


class Life(RuleBasedStateMachine):
    """A load balancer under load, and all that may happen to it."""

    background: Background
    ports: Ports

    def __init__(self) -> None:
        super().__init__()
        self.targets = Targets(self.background, self.ports)
        self.all = self.targets.many(6)
        self.port = self.ports.take()
        self.registered: list[Target] = self.all[:3]
        self.weights: dict[str, int] = {}
        self.fields: dict[str, Any] = {"deregistrationDelay": "1s"}
        self.check: dict[str, Any] = {}
        self.listens: dict[str, Any] = {}
        self.refusing: Target | None = None
        self.reloads = 0
        self.lb = Elbow(self.manifest(), self.ports)
        self.load = Load(self.port, keep_alive=2, fresh=1, pause=0.03)
        self.load.__enter__()

    def manifest(self) -> dict[str, Any]:
        """What the user wants now."""
        named = [target.address(weight=self.weights.get(target.name, 1)) for target in self.registered]
        return http(self.port, named, check=self.check, listens=self.listens, **self.fields)

    def apply(self) -> None:
        """Write it, and see it run within 2 s."""
        self.lb.apply(self.manifest(), limit=2.0 * slowness())

    # What users do

    @initialize()
    def begins(self) -> None:
        """The first requests are served."""
        self.load.wait_for(10)

    @rule(data=st.data())
    def registers_and_deregisters(self, data: st.DataObject) -> None:
        """Others are registered; one that serves stays, or nothing could be served."""
        staying = self.serving()
        kept = data.draw(st.sampled_from([t.name for t in staying]), label="stays")
        chosen = data.draw(st.sets(st.sampled_from([t.name for t in self.all])), label="registered") | {kept}
        self.registered = [target for target in self.all if target.name in chosen]
        self.weights[kept] = max(1, self.weights.get(kept, 1))
        self.apply()

    @rule(name=st.sampled_from("abcdef"), weight=st.sampled_from([1, 2, 5, 256]))
    def weighs(self, name: str, weight: int) -> None:
        """A weight changes."""
        self.weights[name] = weight
        self.apply()

    @rule(minimum=st.sampled_from([1, 2, "50%"]), delay=st.sampled_from(["0s", "1s", "5m"]), limit=st.booleans())
    def changes_what_takes_no_reload(self, minimum: int | str, delay: str, limit: bool) -> None:
        """Thresholds and delays."""
        self.fields |= {"minimumHealthy": {"routing": minimum}, "deregistrationDelay": delay}
        self.fields |= {"surgeQueue": {"length": 500 if limit else 1000}}
        self.apply()

    @rule(path=st.sampled_from(["/healthz", "/healthz?2"]), idle=st.sampled_from(["30s", "40s"]))
    def changes_what_takes_a_reload(self, path: str, idle: str) -> None:
        """A check's path, a listener's timeout."""
        if (path, idle) != (self.check.get("path", "/healthz"), self.listens.get("idleTimeout", "60s")):
            self.reloads += 1
        self.check, self.listens = {"path": path}, {"idleTimeout": idle}
        self.apply()

    # What targets do

    @rule(name=st.sampled_from("abcdef"), sick=st.booleans())
    def falls_ill_or_recovers(self, name: str, sick: bool) -> None:
        """Its checks fail, though it serves what it gets."""
        next(target for target in self.all if target.name == name).health.status = 500 if sick else 200

    @precondition(lambda self: self.refusing is None and len(self.serving()) > 1)
    @rule()
    def refuses_connections(self) -> None:
        """One target's port closes; what is open goes on."""
        self.refusing = self.serving()[0]
        self.refusing.refuse()

    @precondition(lambda self: self.refusing is not None)
    @rule()
    def listens_again(self) -> None:
        """It is back."""
        assert self.refusing is not None
        self.refusing.listen()
        self.refusing = None

    # What happens to Elbow

    @rule(which=st.sampled_from(SABOTAGE), number=st.integers(0, 5))
    def someone_changes_it_at_the_socket(self, which: str, number: int) -> None:
        """Put right within 5 s; meanwhile what was changed may matter to requests, so none are sent."""
        servers = [
            line.split()[3] for line in self.lb.socket("show servers state tg_web").splitlines() if " tg_web " in line
        ]
        self.without_load(
            lambda: self.lb.socket(which.format(server=servers[number % len(servers)])),
            lambda: self.is_as_wanted() and self.is_served(),
            limit=5.0,
        )

    @rule(who=st.sampled_from(["worker", "master", "all"]))
    def haproxy_dies(self, who: str) -> None:
        """Back within 1 s; what was in flight is lost."""
        kill = {"worker": self.lb.kill_worker, "all": self.lb.kill_haproxy}.get(who, self.kill_master)
        before = set(self.lb.haproxies())
        self.without_load(kill, lambda: before.isdisjoint(self.lb.haproxies()) and self.is_served(), limit=2.0)

    @rule(while_away=st.booleans())
    def the_agent_dies(self, while_away: bool) -> None:
        """Traffic goes on; the next one takes over, with what was written meanwhile."""
        self.lb.kill_agent()
        self.reloads = 0
        if while_away:
            self.weights["a"] = 3
            self.lb.write(self.manifest())
        self.load.wait_for(10)
        self.lb.start()

    @rule()
    def nothing(self) -> None:
        """Quiet for a while."""
        self.load.wait_for(30)

    # What always holds

    @invariant()
    def no_request_fails(self) -> None:
        """Not one."""
        self.load.wait_for(3)
        self.load.assert_clean(least=0)

    @invariant()
    def what_is_wanted_runs(self) -> None:
        """Within 2 s of quiet."""
        until(self.is_as_wanted, limit=2.0 * slowness(), say="what is wanted runs")

    @invariant()
    def each_reload_has_a_reason(self) -> None:
        """No more reloads than changes that take one."""
        done = self.lb.reloads()
        assert max(done.values(), default=0) <= self.reloads, done

    def teardown(self) -> None:
        """End it all."""
        self.load.stop()
        self.lb.stop()
        self.targets.stop()

    def serving(self) -> list[Target]:
        """The registered targets that get requests now."""
        healthy = {t.address for t in self.lb.group().targets if t.state == "healthy"}
        found = [t for t in self.registered if t.ip in healthy and t is not self.refusing]
        return found or [t for t in self.registered if t is not self.refusing]

    def is_as_wanted(self) -> bool:
        """Whether HAProxy has just the registered targets, with their weights, and the report says so."""
        report = self.lb.report()
        wanted = {(t.ip, str(t.port), str(self.weights.get(t.name, 1))) for t in self.registered}
        rows = [line.split() for line in self.lb.socket("show servers state tg_web").splitlines() if " tg_web " in line]
        return report.converged and {(r[4], r[18], r[7]) for r in rows if not int(r[6]) & OUT} == wanted

    def is_served(self) -> bool:
        """Whether a request is."""
        try:
            return get(self.port).status == 200
        except (OSError, Closed):
            return False

    def kill_master(self) -> None:
        """kill -9 it; its workers end."""
        os.kill(self.lb.haproxies()[0], 9)

    def without_load(self, act: Callable[[], object], is_good: Callable[[], bool], *, limit: float) -> None:
        """Let something happen that may cost requests, and send them again once all is good."""
        self.load.stop()
        self.load.assert_clean(least=0)
        act()
        until(is_good, limit=limit * slowness(), say="all is good again")
        self.load = Load(self.port, keep_alive=2, fresh=1, pause=0.03)
        self.load.__enter__()


def test_whatever_happens_no_request_fails_and_what_is_wanted_soon_runs(background: Background, ports: Ports) -> None:
    kind = type("Life", (Life,), {"background": background, "ports": ports})
    run_state_machine_as_test(
        kind,
        settings=settings(
            max_examples=LIVES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
