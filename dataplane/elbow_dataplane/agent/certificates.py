"""The certificates of listeners and target groups: on disk for the next start, and in the HAProxy that runs."""

import logging
from collections.abc import Mapping

from elbow_dataplane.agent.files import write
from elbow_dataplane.haproxy.certificate import fingerprints
from elbow_dataplane.haproxy.engine import Engine
from elbow_dataplane.haproxy.runtime import Runtime

log = logging.getLogger("elbow")


class Certificates:
    """Keeps files and memory equal to what is wanted."""

    def __init__(self, engine: Engine, runtime: Runtime) -> None:
        self.engine = engine
        self.runtime = runtime
        self._prints: dict[str, tuple[bytes, tuple[str, ...]]] = {}
        self._loaded: Mapping[str, bytes] = {}

    def write(self, wanted: Mapping[str, bytes]) -> None:
        """Put files in place for a HAProxy that is about to read them."""
        for name, pem in wanted.items():
            if self._on_disk(name) != pem:
                write(self.engine.certificates / name, pem)

    async def rotate(self, wanted: Mapping[str, bytes], served: Mapping[str, tuple[str, ...]]) -> bool:
        """Have HAProxy use what changed, or what someone else changed there; connections that are open go on.

        Takes the fingerprints of what is served; returns whether anything had to be done. Raises RefusedByHAProxy.
        """
        stale = [name for name in self._stale(wanted, served) if self.runtime.fits(name, wanted[name])]
        for name in stale:
            await self.runtime.replace_certificate(name, wanted[name])
            write(self.engine.certificates / name, wanted[name])
            log.info("certificate %s replaced", name)
        return bool(stale)

    def too_large(self, wanted: Mapping[str, bytes], served: Mapping[str, tuple[str, ...]]) -> list[str]:
        """Those that changed and that only a HAProxy which starts can read; not those it read so and tells of otherwise."""
        large = [name for name in self._stale(wanted, served) if not self.runtime.fits(name, wanted[name])]
        return [name for name in large if self._loaded.get(name) != wanted[name]]

    def were_loaded(self, wanted: Mapping[str, bytes]) -> None:
        """A HAProxy has started on these."""
        self._loaded = wanted

    def tidy(self, wanted: Mapping[str, bytes]) -> None:
        """Remove the files, and with them the keys, that nothing uses any more; where someone removed them all, there are none."""
        for path in self.engine.certificates.glob("*"):
            if path.name not in wanted:
                path.unlink(missing_ok=True)

    def _stale(self, wanted: Mapping[str, bytes], served: Mapping[str, tuple[str, ...]]) -> list[str]:
        return [name for name in wanted if name in served and self._is_stale(name, wanted[name], served[name])]

    def _is_stale(self, name: str, pem: bytes, served: tuple[str, ...]) -> bool:
        """Another chain or key shows in the file alone, another certificate in HAProxy too."""
        return self._fingerprints(name, pem) != served or self._on_disk(name) != pem

    def _fingerprints(self, name: str, pem: bytes) -> tuple[str, ...]:
        known = self._prints.get(name)
        if known is None or known[0] != pem:
            known = self._prints[name] = (pem, fingerprints(pem, whole=name.startswith("ca-")))
        return known[1]

    def _on_disk(self, name: str) -> bytes | None:
        try:
            return (self.engine.certificates / name).read_bytes()
        except OSError:
            return None
