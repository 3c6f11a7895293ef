"""What the cluster told while a scenario played, for failures that nothing explains: endpoints of Services, and events."""

import subprocess
import threading
import time
from collections.abc import Iterable
from typing import IO

# Not by jsonpath: with that kubectl ends at the first slice without endpoints.
_WATCHES = {
    "endpointslices": ("--watch", "N:.metadata.name,A:.endpoints[*].addresses[0],R:.endpoints[*].conditions.ready"),
    "events": ("--watch-only", "K:.involvedObject.kind,N:.involvedObject.name,R:.reason,M:.message"),
}
_BEFORE, _AFTER, _MOST = 15.0, 5.0, 300

Told = tuple[float, str]


class Witness:
    """Watches a namespace from its construction until `close`; while the API server is away it hears nothing."""

    def __init__(self, namespace: str) -> None:
        self.told: list[Told] = []
        self._namespace = namespace
        self._is_closed = threading.Event()
        self._running: dict[str, subprocess.Popen[str]] = {}
        for what in _WATCHES:
            threading.Thread(target=self._watch, args=(what,), daemon=True).start()

    def close(self) -> None:
        self._is_closed.set()
        for process in self._running.values():
            process.kill()

    def _watch(self, what: str) -> None:
        while not self._is_closed.is_set():
            watch, columns = _WATCHES[what]
            shown = (watch, "--no-headers", f"--output=custom-columns={columns}")
            command = ["kubectl", "-n", self._namespace, "get", what, *shown]
            with subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
            ) as process:
                self._running[what] = process
                if self._is_closed.is_set():
                    process.kill()
                self._read(process.stdout or ())
            self._is_closed.wait(1)

    def _read(self, lines: IO[str] | Iterable[str]) -> None:
        for line in lines:
            self.told.append((time.time(), " ".join(line.split())[:400]))


def around(told: Iterable[Told], moments: Iterable[float]) -> list[Told]:
    """What was told shortly before and after any of these moments."""
    at = list(moments)
    return [one for one in told if any(-_BEFORE <= one[0] - moment <= _AFTER for moment in at)][:_MOST]
