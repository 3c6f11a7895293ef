"""What an agent leaves to the next one: the drains under way. All else is read from HAProxy."""

import json
from pathlib import Path
from typing import Any

from elbow_api.proxy_config import ProxyConfig

from elbow_dataplane.agent.files import write
from elbow_dataplane.model.drain import Drain
from elbow_dataplane.model.registration import Member, Registration
from elbow_dataplane.model.target import Target


class Memory:
    """A small file beside HAProxy's."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._kept = ""

    def registration(self, config: ProxyConfig) -> Registration:
        """The drains an earlier agent left, and the targets it had registered."""
        try:
            data = json.loads(self.file.read_text())
            if data["loadBalancer"] != [config.namespace, config.name]:
                return Registration()
            drains = {
                _member(d): Drain(_target(d["target"]), d["began"], d["delay"], d["cuts"]) for d in data["drains"]
            }
            targets = {group: tuple(map(_target, members)) for group, members in data["targets"].items()}
        except (OSError, ValueError, KeyError, TypeError):
            return Registration()
        return Registration(targets, drains)

    def keep(self, registration: Registration, config: ProxyConfig) -> None:
        """Write it down if it changed."""
        text = json.dumps(
            {
                "loadBalancer": [config.namespace, config.name],
                "targets": {group: [_list(t) for t in members] for group, members in registration.targets.items()},
                "drains": [
                    {"group": group, "target": _list(d.target), "began": d.began, "delay": d.delay, "cuts": d.cuts}
                    for (group, _), d in registration.drains.items()
                ],
            }
        )
        if text != self._kept:
            write(self.file, text.encode())
            self._kept = text


def _list(target: Target) -> list[str | int | None]:
    return [target.ip, target.port, target.zone, target.weight]


def _target(values: list[str | int | None]) -> Target:
    ip, port, zone, weight = values
    return Target(str(ip), int(port or 0), None if zone is None else str(zone), int(weight or 0))


def _member(drain: dict[str, Any]) -> Member:
    return str(drain["group"]), (str(drain["target"][0]), int(drain["target"][1]))
