"""A manifest on this machine as the source: read, checked, and read again whenever it or a certificate it names changes."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

from asyncinotify import Inotify, Mask
from elbow_api.fault import Fault, Refused
from elbow_api.load_balancer import LoadBalancer, LoadBalancerSpec
from elbow_api.proxy_config import ProxyConfig, Zone

from elbow_dataplane.model.desired import Desired, authority_name, certificate_name
from elbow_dataplane.model.wanted import registered_addresses
from elbow_dataplane.sources.manifest import load
from elbow_dataplane.sources.pem import check_authorities, check_pair
from elbow_dataplane.sources.stamp import Stamp, stamp

_CHANGES = Mask.CLOSE_WRITE | Mask.MOVED_TO | Mask.CREATE | Mask.DELETE | Mask.MOVED_FROM
_SETTLE = 0.02  # seconds; a certificate and its key, or an editor's steps, come as one change
_POLL = 3.0  # seconds; what no event tells: a network's file system, the end of a link in another folder


class FileSource:
    """Yields what the manifest asks for, now and after each change; a fault where it can't be accepted."""

    def __init__(self, manifest: Path) -> None:
        self.manifest = manifest
        self.generation = 0
        self._last: Desired | None = None
        self._last_text = ""
        self._named: list[Path] = []
        """The files the manifest names, as it was last read: one that is refused for the want of a file waits for that."""

    def read(self) -> Desired:
        """The manifest as it stands, the same value while nothing changes; raises Refused with every fault found."""
        try:
            text = self.manifest.read_text(encoding="utf-8")
        except OSError as error:
            raise Refused([Fault((), f"{self.manifest}: {error.strerror}")]) from None
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            raise Refused([Fault((), f"{self.manifest}: not UTF-8 text in line {line}; save it as UTF-8")]) from None
        resource = load(text)
        self._named = _named_files(resource.spec, self.manifest.parent)
        if faults := list(_needs_a_cluster(resource.spec)):
            raise Refused(faults)
        certificates = _certificates(resource, self.manifest.parent)
        if self._last is None or (text, certificates) != (self._last_text, self._last.certificates):
            self.generation += 1
            self._last, self._last_text = _desired(resource, certificates, self.generation), text
        return self._last

    async def changes(self) -> AsyncIterator[Desired | Refused]:
        """The manifest after each change, for ever."""
        last: Desired | Refused | None = None
        while True:
            files = self._files()
            with Inotify() as inotify:
                for folder in {path.parent for path in files}:
                    with suppress(OSError):  # there is none, or no longer
                        inotify.add_watch(folder, _CHANGES)
                still_watched = True
                while still_watched:
                    before = [stamp(file) for file in files]
                    try:
                        now: Desired | Refused = self.read()
                    except Refused as refused:
                        now = refused
                    if not _is_same(now, last):
                        last = now
                        yield now
                    # If other files are named, there is more to watch.
                    still_watched = self._files() == files and await self._wait(inotify, files, before)

    async def _wait(self, inotify: Inotify, files: list[Path], before: list[Stamp | None]) -> bool:
        """Until an event tells of a change, or a look at the files does; returns whether the folders are sure to be watched still.

        To end a watch and begin another takes the kernel several milliseconds.
        """
        while [stamp(file) for file in files] == before:
            with suppress(TimeoutError):
                async with asyncio.timeout(_POLL):
                    return await self._event(inotify, {path.name for path in files})
        return False

    async def _event(self, inotify: Inotify, names: set[str]) -> bool:
        async for event in inotify:
            name = str(event.name or "")
            # A manifest that was renamed into place, or closed after it was written, is whole.
            if name == self.manifest.name and event.mask & (Mask.MOVED_TO | Mask.CLOSE_WRITE):
                return True
            # Secrets mounted by Kubernetes change by a symbolic link of the directory, ..data.
            if not name or name in names or name.startswith(".."):
                await asyncio.sleep(_SETTLE)
                return False
        return False

    def _files(self) -> list[Path]:
        return [self.manifest, *self._named]


def _is_same(now: Desired | Refused, last: Desired | Refused | None) -> bool:
    if isinstance(now, Refused) and isinstance(last, Refused):
        return now.faults == last.faults
    return now is last


def _desired(resource: LoadBalancer, certificates: dict[str, bytes], generation: int) -> Desired:
    zones = sorted({a.zone for g in resource.spec.target_groups for a in g.targets.addresses or [] if a.zone})
    config = ProxyConfig(
        name=resource.metadata.name,
        namespace=resource.metadata.namespace,
        generation=generation,
        spec=resource.spec,
        zones=tuple(Zone(name=zone) for zone in resource.spec.zones or zones),
    )
    return Desired(config, registered_addresses(config), certificates)


def _named_files(spec: LoadBalancerSpec, base: Path) -> list[Path]:
    files = [
        base / name
        for listener in spec.listeners
        if listener.tls
        for c in listener.tls.certificates
        for name in (c.file, c.key)
        if name
    ]
    return files + [base / group.tls.ca for group in spec.target_groups if group.tls and group.tls.ca]


def _needs_a_cluster(spec: LoadBalancerSpec) -> Iterator[Fault]:
    """What only a cluster can give."""
    for i, group in enumerate(spec.target_groups):
        if group.targets.addresses is None:
            kind = "service" if group.targets.service else "nodes"
            yield Fault(("spec", "targetGroups", i, "targets", kind), "needs a cluster; on one machine use addresses")
    for i, entry in enumerate(spec.deregistered_targets or []):
        if entry.ip is None:
            kind = "pod" if entry.pod else "node"
            yield Fault(("spec", "deregisteredTargets", i, kind), "needs a cluster; on one machine use ip")
    for i, listener in enumerate(spec.listeners):
        for n, certificate in enumerate(listener.tls.certificates if listener.tls else []):
            if certificate.file is None:
                at = ("spec", "listeners", i, "tls", "certificates", n, "secretName")
                yield Fault(at, "needs a cluster; on one machine use file")


def _certificates(resource: LoadBalancer, base: Path) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    faults: list[Fault] = []
    for i, listener in enumerate(resource.spec.listeners):
        for n, certificate in enumerate(listener.tls.certificates if listener.tls else []):
            at = ("spec", "listeners", i, "tls", "certificates", n)
            try:
                pem = _read(base / str(certificate.file), (*at, "file"))
                pem += b"\n" + _read(base / certificate.key, (*at, "key")) if certificate.key else b""
                check_pair(pem, (*at, "file"))
                files[certificate_name(listener.name, n)] = pem
            except Refused as refused:
                faults += refused.faults
    for i, group in enumerate(resource.spec.target_groups):
        if group.tls is not None and group.tls.ca is not None:
            at_ca = ("spec", "targetGroups", i, "tls", "ca")
            try:
                pem = _read(base / group.tls.ca, at_ca)
                check_authorities(pem, at_ca)
                files[authority_name(group.name)] = pem
            except Refused as refused:
                faults += refused.faults
    if faults:
        raise Refused(faults)
    return files


def _read(path: Path, at: tuple[str | int, ...]) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Refused([Fault(at, f"{path}: {error.strerror}")]) from None
