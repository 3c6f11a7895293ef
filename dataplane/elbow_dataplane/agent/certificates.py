"""The listeners' certificates: on disk for the next start, and in the HAProxy that runs."""

import logging
from collections.abc import Mapping

from elbow_dataplane.agent.files import write
from elbow_dataplane.haproxy.engine import Engine
from elbow_dataplane.haproxy.runtime import RefusedByHAProxy, Runtime

log = logging.getLogger("elbow")


class Certificates:
    """Keeps files and memory equal to what is wanted."""

    def __init__(self, engine: Engine, runtime: Runtime) -> None:
        self.engine = engine
        self.runtime = runtime
        self._served: dict[str, bytes] = {}

    def write(self, wanted: Mapping[str, bytes]) -> None:
        """Put files in place for a HAProxy that is about to read them."""
        for name, pem in wanted.items():
            if self._served.get(name) != pem:
                write(self.engine.certificates / name, pem)
                self._served[name] = pem

    async def rotate(self, wanted: Mapping[str, bytes]) -> None:
        """Have the running HAProxy use what changed; connections that are open go on."""
        for name, pem in wanted.items():
            if self._served.get(name) == pem:
                continue
            if self._on_disk(name) != pem:
                said = await self.runtime.replace_certificate(name, pem)
                if said:
                    raise RefusedByHAProxy(f"certificate {name}: {said}")
                write(self.engine.certificates / name, pem)
                log.info("certificate %s replaced", name)
            self._served[name] = pem

    def _on_disk(self, name: str) -> bytes | None:
        try:
            return (self.engine.certificates / name).read_bytes()
        except OSError:
            return None
