"""What an agent leaves to the next one: who leaves and since when, and how targets fared. All else is read from HAProxy."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from elbow_api.proxy_config import ProxyConfig
from elbow_api.target_health import Reason, State

from elbow_dataplane.agent.files import write
from elbow_dataplane.agent.state import Known
from elbow_dataplane.model.drain import Drain
from elbow_dataplane.model.health import Health
from elbow_dataplane.model.registration import Member, Registration
from elbow_dataplane.model.target import Target


@dataclass(frozen=True)
class Past:
    """What an earlier agent knew."""

    registration: Registration = field(default_factory=Registration)
    health: Mapping[Member, Health] = field(default_factory=dict)


class Memory:
    """A small file beside HAProxy's."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._kept: Known | None = None

    def recall(self, config: ProxyConfig) -> Past:
        """What an earlier agent of the same load balancer left; nothing if there is none, or nobody can read it."""
        try:
            data = json.loads(self.file.read_text())
            if data["loadBalancer"] != [config.namespace, config.name]:
                return Past()
            drains = {
                _member(d): Drain(_target(d["target"]), d["began"], d["delay"], d["cuts"]) for d in data["drains"]
            }
            targets = {group: tuple(map(_target, members)) for group, members in data["targets"].items()}
            health = {(group, (ip, port)): _health(values) for group, ip, port, values in data["health"]}
        except (OSError, ValueError, KeyError, TypeError):
            return Past()
        return Past(Registration(targets, drains), health)

    def keep(self, known: Known) -> None:
        """Write it down if it changed."""
        last = self._kept
        if last is not None and last.registration == known.registration and last.health == known.health:
            return
        config = known.desired.config
        write(
            self.file,
            json.dumps(
                {
                    "loadBalancer": [config.namespace, config.name],
                    "targets": {group: [_list(t) for t in m] for group, m in known.registration.targets.items()},
                    "drains": [
                        {"group": group, "target": _list(d.target), "began": d.began, "delay": d.delay, "cuts": d.cuts}
                        for (group, _), d in known.registration.drains.items()
                    ],
                    "health": [[group, *key, asdict(health)] for (group, key), health in known.health.items()],
                }
            ).encode(),
        )
        self._kept = known


def _list(target: Target) -> list[str | int | None]:
    return [target.ip, target.port, target.zone, target.weight, target.pod, target.node]


def _target(values: list[str | int | None]) -> Target:
    ip, port, zone, weight, pod, node = values
    return Target(str(ip), int(port or 0), _text(zone), int(weight or 0), _text(pod), _text(node))


def _text(value: str | int | None) -> str | None:
    return None if value is None else str(value)


def _member(drain: dict[str, Any]) -> Member:
    return str(drain["group"]), (str(drain["target"][0]), int(drain["target"][1]))


def _health(values: dict[str, Any]) -> Health:
    reason = values["reason"]
    named = {"state": State(values["state"]), "reason": None if reason is None else Reason(reason)}
    return Health(**(values | named))
