"""A HAProxy configuration as HAProxy reads it: lines of words (HAProxy configuration manual, 2.2)."""

from __future__ import annotations

from pathlib import Path

from elbow_api.load_balancer import LoadBalancer
from elbow_api.proxy_config import ProxyConfig
from elbow_dataplane.haproxy.engine import Engine
from elbow_dataplane.haproxy.render.config import render, skeleton
from elbow_dataplane.model.registration import Registration, register
from elbow_dataplane.model.wanted import plan, registered_addresses

_ENGINE = Engine(Path("/run/elbow/fuzz"), b"secret", threads=1, max_connections=100)


def configuration(resource: LoadBalancer) -> str:
    """What a resource is rendered to."""
    config = ProxyConfig(
        name=resource.metadata.name, namespace=resource.metadata.namespace, generation=1, spec=resource.spec
    )
    registration = register(Registration(), config, None, registered_addresses(config), 0.0)
    wanted = plan(config, None, _ENGINE.secret, registration.targets, {}, {})
    return render(skeleton(config, _ENGINE), wanted, _ENGINE)


def read(text: str) -> list[list[str]]:
    """The words of every line, quotes and comments gone; ValueError where HAProxy would complain."""
    lines = [words(line) for line in text.split("\n")]
    return [line for line in lines if line and line[:2] != ["set-var", "proc.elbow"]]


def words(line: str) -> list[str]:
    """The words of one line."""
    found: list[str] = []
    word: str | None = None
    quote = ""
    rest = iter(line)
    for char in rest:
        if char in "\0\r":
            raise ValueError(f"a control character in {line!r}")
        if quote and char == quote:
            quote = ""
        elif not quote and char in "'\"":
            quote, word = char, word or ""
        elif not quote and char == "#":
            break
        elif not quote and char in " \t":
            found += [word] if word is not None else []
            word = None
        elif quote != "'" and char == "\\":
            escaped = next(rest)
            word = (word or "") + (escaped if escaped in " \\#'\"$" else f"\\{escaped}")
        elif quote == '"' and char == "$":
            raise ValueError(f"an environment variable in {line!r}")
        else:
            word = (word or "") + char
    if quote:
        raise ValueError(f"a quote without an end in {line!r}")
    return [*found, *([word] if word is not None else [])]
