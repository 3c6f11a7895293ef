"""Counters that outlive the agent: the next one goes on from what this one wrote down and what HAProxy has counted since."""

import json
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from elbow_api.timestamp import timestamp
from elbow_api.usage import Counts, Usage, UsageReport

from elbow_dataplane.agent.files import write
from elbow_dataplane.haproxy.counters import CONNECTION_MS, Counters


class KeptCounters(Counters):
    """Reads the file when made; what an earlier agent counted is in it."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file
        self._kept: dict[Any, int] | None = None
        try:
            data = json.loads(file.read_text())
            self.stream, self.since = str(data["stream"]), str(data["since"])
            self.kinds.update(data["kinds"])
            self.totals.update({(kind, name, what): value for kind, name, what, value in data["totals"]})
            self._last.update({(pid, at): {tuple(k): v for *k, v in rows} for pid, at, rows in data["last"]})
        except (OSError, ValueError, KeyError, TypeError):
            self.kinds.clear()
            self.totals.clear()
            self._last.clear()
            self.stream = secrets.token_hex(8)
            self.since = timestamp(datetime.now(UTC))

    def keep(self) -> None:
        """Write them down if they changed."""
        if self.totals == self._kept:
            return
        data = {
            "stream": self.stream,
            "since": self.since,
            "kinds": self.kinds,
            "totals": [[*key, value] for key, value in self.totals.items()],
            "last": [[*worker, [[*key, value] for key, value in rows.items()]] for worker, rows in self._last.items()],
        }
        write(self.file, json.dumps(data).encode())
        self._kept = dict(self.totals)

    def usage(self) -> UsageReport | None:
        """What is billed; none before the next agent would know which sums these are."""
        if self._kept is None:
            return None
        kinds = {kind: self._counts(kind) for kind in Usage.model_fields}
        return UsageReport(stream=self.stream, since=self.since, usage=Usage(**kinds))

    def _counts(self, kind: str) -> Counts:
        def of(what: str) -> int:
            return self.of("usage", kind, what)

        return Counts(
            requests=of("requests"),
            new_connections=of("new_connections"),
            connection_seconds=of(CONNECTION_MS) // 1000,
            processed_bytes=of("processed_bytes"),
        )
