"""What the demo shows: the report, what changed in it, and what was done."""

import time
from collections import deque
from dataclasses import dataclass

from elbow_api.proxy_report import ProxyReport, TargetGroupReport
from elbow_api.target_health import State, TargetHealth

from elbow_dataplane.cli.demo.home import TARGETS, Target

_KEPT = 200
_AT = {target.address: target for target in TARGETS}


@dataclass(frozen=True)
class Event:
    """Something that was done, or that the load balancer did."""

    at: float
    """Seconds since the epoch."""
    text: str
    style: str


class Scene:
    """Follows the reports."""

    def __init__(self) -> None:
        self.report: ProxyReport | None = None
        self.events: deque[Event] = deque(maxlen=_KEPT)
        self.told = 0
        """How many events there ever were."""

    def say(self, text: str, style: str = "bold") -> None:
        """Note what was done."""
        self.events.append(Event(time.time(), text, style))
        self.told += 1

    def see(self, report: ProxyReport) -> None:
        """Take a new report, and note which targets changed."""
        if self.report is not None:
            self._compare(self.report, report)
        self.report = report

    def _compare(self, last: ProxyReport, report: ProxyReport) -> None:
        before, after = _states(last), _states(report)
        for key, health in after.items():
            was = before.get(key)
            if was is None or was.state is not health.state:
                self.say(f"{_named(*key)} is {health.state}{_why(health)}", "")
        for key in before.keys() - after.keys():
            self.say(f"{_named(*key)} is gone", "")
        if report.faults and report.faults != last.faults:
            self.say(f"not applied, the last good manifest goes on: {report.faults[0]}", "red")

    def since(self, told: int) -> list[Event]:
        """The events after so many."""
        new = self.told - told
        return list(self.events)[-new:] if new else []

    def states_of(self, target: Target) -> list[State]:
        """A target's state in each group that has it."""
        return [health.state for (_, address), health in self._now().items() if address == target.address]

    def health(self, group: str, target: Target) -> TargetHealth | None:
        """A target's health in a group."""
        return self._now().get((group, target.address))

    def group(self, name: str) -> TargetGroupReport | None:
        """The report on a group."""
        groups = self.report.target_groups if self.report else []
        return next((group for group in groups if group.name == name), None)

    def _now(self) -> dict[tuple[str, str], TargetHealth]:
        return _states(self.report) if self.report else {}


def _states(report: ProxyReport) -> dict[tuple[str, str], TargetHealth]:
    return {(group.name, target.address): target for group in report.target_groups for target in group.targets}


def _named(group: str, address: str) -> str:
    target = _AT.get(address)
    return f"{target.name if target else address} in {group}"


def _why(target: TargetHealth) -> str:
    return f": {target.reason}, {target.description}" if target.reason else ""
