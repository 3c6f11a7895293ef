"""A load balancer as its user types it: what is wrong with it, and where."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import yaml
from elbow_api.fault import Fault, Path, Refused
from elbow_api.load_balancer import parse
from elbow_kube.object import Object

from elbow_console.view.snapshot import Key

_ORDER = ("apiVersion", "kind", "metadata", "spec")
_SERVERS = ("managedFields", "uid", "resourceVersion", "generation", "creationTimestamp", "selfLink")


@dataclass(frozen=True)
class Draft:
    """A document, and the faults that keep it from being accepted."""

    document: Object
    text: str
    faults: tuple[Fault, ...] = ()
    line: int | None = None
    """Where the text stops being YAML."""

    def refused_by(self, fault: Fault) -> "Draft":
        """The draft, with what the cluster has against it."""
        return replace(self, faults=(*self.faults, fault))

    def plain(self) -> Object:
        """As JSON has it: the text, and each fault with its path, its field, its line and what is wrong."""
        tree = None if self.line is not None else yaml.compose(self.text, yaml.SafeLoader)
        return {
            "yaml": self.text,
            "faults": [
                {
                    "path": list(fault.path),
                    "field": fault.field,
                    "message": fault.message,
                    "line": self.line or _line(tree, fault.path),
                }
                for fault in self.faults
            ],
        }


def of_document(document: Object, namespace: str) -> Draft:
    """A draft of what a form holds; in a namespace unless it names another."""
    placed = _placed(document, namespace)
    return Draft(placed, text(placed), faults(placed))


def of_text(written: str, namespace: str) -> Draft:
    """A draft of YAML; in a namespace unless it names another."""
    try:
        document = yaml.safe_load(written)
        twice = tuple(_twice(yaml.compose(written, yaml.SafeLoader), (), set()))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        return Draft({}, written, (Fault((), f"not YAML: {error.problem}"),), line)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return Draft({}, written, (Fault((), f"not YAML: {error}"),), 1)
    if not isinstance(document, dict):
        return Draft({}, written, faults(document))
    return Draft(_placed(document, namespace), written, twice or faults(document))


def key_of(document: Object) -> Key:
    """Which one an accepted document is."""
    return document["metadata"]["namespace"], document["metadata"]["name"]


def _placed(document: Object, namespace: str) -> Object:
    metadata = document.get("metadata")
    if not isinstance(metadata, dict) or metadata.get("namespace"):
        return document
    return {**document, "metadata": {**metadata, "namespace": namespace}}


def faults(document: Any) -> tuple[Fault, ...]:
    """Every fault of a document, in its order."""
    try:
        parse(document)
    except Refused as refused:
        return refused.faults
    return ()


def text(document: Object) -> str:
    """As YAML, in the order people write it."""
    ordered = {
        key: document[key] for key in (*_ORDER, *(key for key in document if key not in _ORDER)) if key in document
    }
    return yaml.safe_dump(ordered, sort_keys=False, allow_unicode=True, width=100)


def editable(load_balancer: Object) -> Object:
    """What of a load balancer its user may change."""
    metadata = {key: value for key, value in load_balancer["metadata"].items() if key not in _SERVERS}
    return {key: value for key, value in load_balancer.items() if key != "status"} | {"metadata": metadata}


def managers(load_balancer: Object) -> list[str]:
    """Who else writes its spec: the field managers, such as a tool that applies it from Git and would undo a change."""
    entries = load_balancer["metadata"].get("managedFields") or []
    return sorted({entry["manager"] for entry in entries if "f:spec" in (entry.get("fieldsV1") or {})})


def _twice(tree: yaml.Node | None, at: Path, met: set[int]) -> Iterator[Fault]:
    """Fields that are written twice, of which YAML would silently take the last; what an alias repeats is read once."""
    if id(tree) in met:
        return
    met.add(id(tree))
    if isinstance(tree, yaml.MappingNode):
        seen: set[str] = set()
        for name, value in tree.value:
            if isinstance(name, yaml.ScalarNode) and name.value in seen:
                yield Fault((*at, name.value), "written twice; remove one of the two")
            seen.add(str(name.value))
            yield from _twice(value, (*at, str(name.value)), met)
    elif isinstance(tree, yaml.SequenceNode):
        for i, value in enumerate(tree.value):
            yield from _twice(value, (*at, i), met)


def _line(tree: yaml.Node | None, path: tuple[str | int, ...]) -> int:
    """The line, from 1, of the deepest part of a path that was written."""
    line = 1
    for step in path:
        if isinstance(tree, yaml.MappingNode):
            found = next(((name, value) for name, value in tree.value if name.value == step), None)
            if found is None:
                break
            line, tree = found[0].start_mark.line + 1, found[1]
        elif isinstance(tree, yaml.SequenceNode) and isinstance(step, int) and step < len(tree.value):
            tree = tree.value[step]
            line = tree.start_mark.line + 1
        else:
            break
    return line
