"""Counters that outlive the agent: the next one goes on from what this one wrote down and what HAProxy has counted since."""

import json
from pathlib import Path
from typing import Any

from elbow_dataplane.agent.files import write
from elbow_dataplane.haproxy.counters import Counters


class KeptCounters(Counters):
    """Reads the file when made; what an earlier agent counted is in it."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file
        self._kept: dict[Any, int] = {}
        try:
            data = json.loads(file.read_text())
            self.totals.update({(kind, name, what): value for kind, name, what, value in data["totals"]})
            self._last.update({int(pid): {tuple(k): v for *k, v in rows} for pid, rows in data["last"].items()})
        except (OSError, ValueError, KeyError, TypeError):
            self.totals.clear()
            self._last.clear()

    def keep(self) -> None:
        """Write them down if they changed."""
        if self.totals == self._kept:
            return
        data = {
            "totals": [[*key, value] for key, value in self.totals.items()],
            "last": {pid: [[*key, value] for key, value in rows.items()] for pid, rows in self._last.items()},
        }
        write(self.file, json.dumps(data).encode(), durable=False)
        self._kept = dict(self.totals)
