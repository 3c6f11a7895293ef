"""A manifest's text as a document, and where in the text each field stands."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import yaml
from elbow_api.fault import Fault, Path, Refused, shown
from elbow_api.load_balancer import LoadBalancer, parse

_LARGEST = 3 * 512 * 1024
"""Characters; the API server takes no larger object either."""
_MOST_VALUES = 400_000
_TAG = "tag:yaml.org,2002:"
_STRING, _INTEGER, _MAPPING, _SEQUENCE = (_TAG + name for name in ("str", "int", "map", "seq"))
_LINES = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # what ends a line in YAML 1.1
_SHORT = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)
_PLAIN = {
    "bool": (r"true|false", "tf"),
    "int": (r"-?(?:0|[1-9][0-9]{0,17})", "-0123456789"),
    "float": (r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,18}(?:[eE][-+]?[0-9]{1,3})?|[eE][-+]?[0-9]{1,3})", "-0123456789"),
}


class _Loader(yaml.CSafeLoader):
    """Reads plain words as JSON does: `off`, `010` and `1:30` are strings. Refuses a key written twice.

    Makes values of nodes by itself where it can: PyYAML's way takes most of the time a change of a manifest does.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._made: dict[int, Any] = {}
        self._open: set[int] = set()

    def value(self, node: Any) -> Any:
        """The value a node stands for; raises YAMLError for what is refused."""
        if isinstance(node, yaml.ScalarNode):
            if node.tag == _INTEGER and _SHORT.fullmatch(node.value):
                return int(node.value)
            return node.value if node.tag == _STRING else self.construct_object(node)
        is_map = isinstance(node, yaml.MappingNode)
        if node.tag == _MAPPING and not is_map:
            raise _unfit("a mapping is expected", node)
        if node.tag != (_MAPPING if is_map else _SEQUENCE):
            return self.construct_object(node, deep=True)
        if (at := id(node)) in self._made:  # an alias
            return self._made[at]
        if at in self._open:
            raise _unfit("a recursive alias: it holds itself", node)
        self._open.add(at)
        self._made[at] = self._mapping(node) if is_map else [self.value(part) for part in node.value]
        self._open.discard(at)
        return self._made[at]

    def _mapping(self, node: yaml.MappingNode) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self.value(key_node)
            if not isinstance(key, str):
                what = shown(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "a list or a mapping"
                raise _unfit(f"a key that is not a string: {what}", key_node)
            if key == "<<":
                raise _unfit("<< is not taken; write the fields out", key_node)
            if key in mapping:
                raise _unfit(f"{shown(key)} is written twice", key_node)
            mapping[key] = self.value(value_node)
        return mapping

    def construct_bool(self, node: Any) -> bool:
        """Take what follows an explicit !!bool too."""
        if node.value not in ("true", "false"):
            raise _unfit("neither true nor false", node)
        return bool(node.value == "true")


def _unfit(what: str, node: Any) -> yaml.constructor.ConstructorError:
    return yaml.constructor.ConstructorError(None, None, what, node.start_mark)


_Loader.yaml_implicit_resolvers = {
    char: [(tag, regex) for tag, regex in resolvers if tag == f"{_TAG}null"]
    for char, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
for _name, (_regex, _first) in _PLAIN.items():
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(f"^(?:{_regex})$"), list(_first))
_Loader.yaml_constructors = {
    tag: constructor
    for tag, constructor in yaml.CSafeLoader.yaml_constructors.items()
    if tag is None or tag.removeprefix(_TAG) in ("null", "int", "float", "str", "seq")
}
_Loader.add_constructor(f"{_TAG}bool", _Loader.construct_bool)


def load(text: str) -> LoadBalancer:
    """Take a manifest; raises Refused with every fault found."""
    return parse(_document(text))


def _document(text: str) -> Any:
    if len(text) > _LARGEST:
        raise Refused([Fault((), "the file is larger than 1.5 MiB")])
    try:
        documents = [(line, document) for line, document in _documents(text) if document is not None]
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Refused([Fault((), _say(error, text))]) from None
    if len(documents) != 1:
        found = f"one LoadBalancer is expected in the file, {len(documents)} documents were found"
        raise Refused([Fault((), found + (f"; the second begins in line {documents[1][0]}" if documents else ""))])
    return documents[0][1]


def _documents(text: str) -> Iterator[tuple[int, Any]]:
    """Each document, and the line it begins in."""
    loader = _Loader(text.removeprefix("\ufeff"))
    try:
        while loader.check_node():
            node: Any = loader.get_node()
            if _unfolded(node, {}) > _MOST_VALUES:
                raise ValueError(f"its anchors unfold to more than {_MOST_VALUES} values")
            yield node.start_mark.line + 1, loader.value(node)
    finally:
        loader.dispose()


def _unfolded(node: Any, known: dict[int, int]) -> int:
    """How many values a node comes to with every alias written out."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) not in known:
        known[id(node)] = 1  # a node within itself is refused when it is made a value
        parts = node.value if isinstance(node, yaml.SequenceNode) else [n for pair in node.value for n in pair]
        known[id(node)] += sum(_unfolded(part, known) for part in parts)
    return known[id(node)]


# What PyYAML finds, by how it begins: the way out.
_WAYS_OUT = {
    "found a tab character": "indent with spaces",
    "mapping values are not allowed": "look at the indentation, and put a value that holds a colon in quotes",
    "did not find expected node content": "a value is missing, or must be put in quotes",
    "found unexpected ':'": "a value is missing, or must be put in quotes",
    "found undefined alias": "put a value that begins with * in quotes",
    "did not find expected ',' or '}'": "a comma is missing, or the { isn't closed",
    "did not find expected ',' or ']'": "a comma is missing, or the [ isn't closed",
    "did not find expected key": "look at the indentation",
    "did not find expected '-' indicator": "look at the indentation",
    "a key that is not a string": "put it in quotes",
    "could not determine a constructor": "remove the tag, which is what begins with !",
}


def _say(error: Exception, text: str) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"not YAML: {_say_marked(error, error.problem_mark.line, error.problem_mark.column, text)}"
    if isinstance(error, yaml.reader.ReaderError):
        line = text.encode(errors="surrogatepass")[: error.position].count(b"\n") + 1
        code = error.character if isinstance(error.character, int) else ord(error.character)
        return f"not YAML: a control character (U+{code:04X}) in line {line}; remove it"
    if isinstance(error, RecursionError):
        return "not YAML: nested too deeply"
    return f"not YAML: {' '.join(str(error).split())[:200]}"


def _say_marked(error: yaml.MarkedYAMLError, line: int, column: int, text: str) -> str:
    problem = str(error.problem)
    began = error.context_mark.line if error.context_mark else line
    where = f"in line {line + 1}" + (f", of what began in line {began + 1}" if began != line else "")
    if problem.startswith("found character that cannot start any token"):
        lines = _LINES.split(text.removeprefix("\ufeff"))
        char = lines[line][column : column + 1] if line < len(lines) else ""
        if char == "\t":
            return f"a tab {where}; indent with spaces"
        return f"a value that begins with {char} {where}; put it in quotes"
    out = next((way for beginning, way in _WAYS_OUT.items() if problem.startswith(beginning)), None)
    return f"{problem} {where}" + (f"; {out}" if out else "")


def line_of(text: str, path: Path) -> int | None:
    """The line, from 1, of a field in a manifest; of the nearest field around it where it is missing."""
    node = _composed(text)
    line: int | None = None
    for step in path:
        found = _step(node, step)
        if found is None:
            break
        line, node = found
    return line if line is not None or node is None else int(node.start_mark.line) + 1


@lru_cache(maxsize=1)
def _composed(text: str) -> Any:
    """The manifest's nodes, kept for the faults of one file; None if it is none."""
    loader = _Loader(text.removeprefix("\ufeff"))
    try:
        return loader.get_single_node() if len(text) <= _LARGEST else None
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    finally:
        loader.dispose()


def _step(node: Any, step: str | int) -> tuple[int, Any] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == step:
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step].start_mark.line + 1, node.value[step]
    return None
