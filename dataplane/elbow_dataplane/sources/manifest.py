"""A manifest's text as a document, and where in the text each field stands. YAML 1.2's booleans, as JSON has them."""

import re
from typing import Any

import yaml
from elbow_api.fault import Fault, Path, Refused
from elbow_api.load_balancer import LoadBalancer, parse

_LARGEST = 4 * 1024 * 1024
_BOOL, _TIMESTAMP = "tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp"


class _Loader(yaml.CSafeLoader):
    """Reads `off` and `no` as the words they are, and refuses a key written twice."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        mapping: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(
                    None, None, f"a key that is not a string: {key!r}", key_node.start_mark
                )
            if key in mapping:
                raise yaml.constructor.ConstructorError(None, None, f"{key} is written twice", key_node.start_mark)
            mapping[key] = self.construct_object(value_node, deep=deep)
        return mapping


_Loader.yaml_implicit_resolvers = {
    char: [(tag, regex) for tag, regex in resolvers if tag not in (_BOOL, _TIMESTAMP)]
    for char, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_BOOL, re.compile(r"^(?:true|false)$"), list("tf"))
_Loader.add_constructor("tag:yaml.org,2002:map", lambda loader, node: loader.construct_mapping(node, deep=True))  # type: ignore[arg-type]


def load(text: str) -> LoadBalancer:
    """Take a manifest; raises Refused with every fault found."""
    return parse(_document(text))


def _document(text: str) -> Any:
    if len(text) > _LARGEST:
        raise Refused([Fault((), "the file is larger than 4 MiB")])
    try:
        documents = [document for document in yaml.load_all(text, Loader=_Loader) if document is not None]
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Refused([Fault((), _say(error))]) from None
    if len(documents) != 1:
        raise Refused([Fault((), f"one LoadBalancer is expected in the file, {len(documents)} documents were found")])
    return documents[0]


def _say(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"not YAML: {error.problem} in line {error.problem_mark.line + 1}"
    return f"not YAML: {' '.join(str(error).split())[:200]}"


def line_of(text: str, path: Path) -> int | None:
    """The line, from 1, of a field in a manifest; of the nearest field around it where it is missing."""
    try:
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    line: int | None = None
    for step in path:
        found = _step(node, step)
        if found is None:
            break
        line, node = found
    return line if line is not None or node is None else int(node.start_mark.line) + 1


def _step(node: Any, step: str | int) -> tuple[int, Any] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == step:
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step].start_mark.line + 1, node.value[step]
    return None
