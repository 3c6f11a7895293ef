"""The whole configuration file: what only a reload can change, and the lines that follow the targets."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter

from elbow_api.proxy_config import ProxyConfig

from elbow_dataplane.haproxy.engine import Engine
from elbow_dataplane.haproxy.render import backend, frontend, process
from elbow_dataplane.haproxy.render.server import (
    backend_of,
    file_lines,
    open_backend_of,
    open_file_lines,
)
from elbow_dataplane.haproxy.render.variable import DRAINING, MARK, variables
from elbow_dataplane.model.wanted import Wanted


class ReloadReason(StrEnum):
    """Why HAProxy had to be reloaded."""

    LISTENER_ADDED = "ListenerAdded"
    LISTENER_REMOVED = "ListenerRemoved"
    LISTENER_CHANGED = "ListenerChanged"
    TARGET_GROUP_ADDED = "TargetGroupAdded"
    TARGET_GROUP_REMOVED = "TargetGroupRemoved"
    TARGET_GROUP_CHANGED = "TargetGroupChanged"
    CERTIFICATE_CHANGED = "CertificateChanged"
    """One larger than HAProxy takes while it runs."""
    PROXY_CHANGED = "ProxyChanged"
    """The load balancer's own settings, or the agent that renders them."""


@dataclass(frozen=True)
class Skeleton:
    """The part of the configuration that only a reload can change: sections by title, in order."""

    sections: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def mark(self) -> str:
        """Names this skeleton; HAProxy holds the mark of the one it runs."""
        return hashlib.sha256(repr(self.sections).encode()).hexdigest()[:16]


def skeleton(config: ProxyConfig, engine: Engine) -> Skeleton:
    """The configuration without targets."""
    return Skeleton(tuple((title, tuple(lines)) for title, lines in _sections(config, engine)))


def first_config(engine: Engine) -> str:
    """A configuration that listens to nobody: what a pod's HAProxy starts on, and what it ends with."""
    sections = [("global", process.global_lines(engine)), *process.fixed_sections(engine)]
    return "\n".join(line for title, lines in sections for line in (title, *lines, "")) + "\n"


def _sections(config: ProxyConfig, engine: Engine) -> Iterator[tuple[str, list[str]]]:
    spec = config.spec
    yield "global", process.global_lines(engine)
    yield from process.fixed_sections(engine)
    # By name: a manifest whose parts only change places takes no reload.
    for listener in sorted(spec.listeners, key=_name):
        yield from frontend.sections(listener, spec.group(listener.target_group), config, engine)
    for group in sorted(spec.target_groups, key=_name):
        if listeners := sorted(spec.listeners_of(group), key=_name):
            yield from backend.sections(group, listeners, config, engine)


_name = attrgetter("name")


def render(frame: Skeleton, wanted: Wanted, engine: Engine) -> str:
    """The configuration file, complete."""
    servers = {backend_of(g.spec): file_lines(g, engine) for g in wanted.groups}
    servers |= {open_backend_of(g.spec): open_file_lines(g, engine) for g in wanted.groups}
    lines = ["# Written by elbow; changes made here don't last."]
    for title, body in frame.sections:
        lines += ["", title, *body]
        if title == "global":
            lines += _variables(frame, wanted)
        lines += servers.get(title.removeprefix("backend "), [])
    return "\n".join(lines) + "\n"


def _variables(frame: Skeleton, wanted: Wanted) -> list[str]:
    lines = [f"  set-var {MARK} str({frame.mark})", f"  set-var {DRAINING} int(0)"]
    for group in wanted.groups:
        lines += [f"  set-var {name} int({value})" for name, value in variables(group).items()]
    return lines


def reasons(old: Skeleton | None, new: Skeleton) -> list[tuple[ReloadReason, str]]:
    """Why going from one skeleton to another takes a reload, with the name of what changed; empty if they are equal."""
    if old is None:
        return [(ReloadReason.PROXY_CHANGED, "")]
    before, after = dict(old.sections), dict(new.sections)
    found = {_reason(title, before, after) for title in {**before, **after} if before.get(title) != after.get(title)}
    return sorted(found)


def _reason(
    title: str, before: dict[str, tuple[str, ...]], after: dict[str, tuple[str, ...]]
) -> tuple[ReloadReason, str]:
    kind, _, name = title.partition(" ")
    how = 0 if title not in before else 1 if title not in after else 2
    if kind == "frontend" and name.startswith("ls_"):
        of = (ReloadReason.LISTENER_ADDED, ReloadReason.LISTENER_REMOVED, ReloadReason.LISTENER_CHANGED)
        return of[how], name.removeprefix("ls_")
    if kind == "backend" and name.startswith(("tg_", "latency_")):
        group = name.partition("_")[2].partition("_")[0]
        whole = f"backend tg_{group}"  # one of its backends may come and go while the group stays
        how = 0 if whole not in before else 1 if whole not in after else 2
        of = (ReloadReason.TARGET_GROUP_ADDED, ReloadReason.TARGET_GROUP_REMOVED, ReloadReason.TARGET_GROUP_CHANGED)
        return of[how], group
    return ReloadReason.PROXY_CHANGED, name or kind
