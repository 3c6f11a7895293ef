"""A fault in what a user wrote: the field, what is wrong, and the way out."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

Path = tuple[str | int, ...]

_NAME = re.compile(r"[A-Za-z][-_A-Za-z0-9]{0,62}")
_DIGITS = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)
_MOST_SHOWN = 60
_UNION_MEMBERS = {"int_type": "int", "string_type": "str"}
_SAY = {
    "missing": "required",
    "extra_forbidden": "unknown field; remove it, or look for a typing error",
    "int_type": "not a whole number",
    "bool_type": "neither true nor false",
    "bool_parsing": "neither true nor false",
    "string_type": "not a string; put it in quotes",
    "list_type": "not a list; begin each of its items with -",
    "model_type": "not a mapping of fields",
    "dict_type": "not a mapping of fields",
}


@dataclass(frozen=True)
class Fault:
    """One thing that must be put right before the resource can be accepted."""

    path: Path
    message: str

    @property
    def field(self) -> str:
        """The field as a user would write it: `spec.listeners[0].port`."""
        text = ""
        for step in self.path:
            if isinstance(step, str) and _NAME.fullmatch(step):
                text += f".{step}" if text else step
            else:
                text += f"[{step if isinstance(step, int) else shown(step)}]"
        return text or "the document"

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


def shown(text: str) -> str:
    """What a user wrote, fit for a line of a terminal: in quotes, without control characters, and cut where it is long."""
    cut = text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."
    return json.dumps(cut)


class Refused(Exception):
    """A resource that can't be accepted, with every fault found."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(map(str, faults)))
        self.faults = tuple(faults)


def faults_of(error: ValidationError, model: type[BaseModel]) -> list[Fault]:
    """Every fault pydantic found in what should be a model, in the order of the document."""
    return [Fault(_path(detail), _message(detail, model)) for detail in error.errors(include_url=False)]


def _path(detail: ErrorDetails) -> Path:
    # Pydantic adds the names of union members and validators to a location; a user never wrote those.
    *path, last = detail["loc"] or ("",)
    kind = detail["type"]
    if kind not in ("extra_forbidden", "missing") and isinstance(last, str):
        tagged = last.startswith(("function-", "constrained-", "literal[", "tagged-"))
        if tagged or _UNION_MEMBERS.get(kind) == last:
            return tuple(path)
    return tuple(detail["loc"])


def _message(detail: ErrorDetails, model: type[BaseModel]) -> str:
    kind, ctx = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden" and (meant := _meant(detail["loc"], model)):
        return f"unknown field; did you mean {meant}?"
    if kind == "int_type" and isinstance(detail["input"], str) and _DIGITS.fullmatch(detail["input"]):
        return "not a whole number; remove the quotes"
    if kind in _SAY:
        return _SAY[kind]
    if kind == "enum":
        return f"not one of {ctx['expected'].replace(chr(39), '')}"
    if kind == "literal_error":
        return f"must be {ctx['expected'].replace(chr(39), '')}"
    if kind in ("greater_than_equal", "less_than_equal"):
        return f"must be {'at least' if kind.startswith('g') else 'at most'} {ctx.get('ge', ctx.get('le'))}"
    if kind == "too_long":
        most = ctx.get("max_length", ctx.get("most"))
        return f"at most {most} {'characters' if isinstance(detail['input'], str) else 'items'}"
    if kind == "too_short":
        return f"at least {ctx['min_length']} needed"
    return detail["msg"]


def _meant(at: Path, model: type[BaseModel]) -> str | None:
    """The field an unknown one is most like, of those that could stand there."""
    *around, name = at
    within: type[BaseModel] | None = model
    for step in around:
        if isinstance(step, str):
            within = _model_of(within, step)
        if within is None:
            return None
    fields = {_plain(str(field.alias)): str(field.alias) for field in (within or model).model_fields.values()}
    from difflib import get_close_matches  # noqa: PLC0415  (memory of every agent, for a fault)

    like = get_close_matches(_plain(str(name)[:_MOST_SHOWN]), fields, n=1, cutoff=0.75)
    return fields[like[0]] if like else None


def _plain(name: str) -> str:
    return re.sub("[-_]", "", name).lower()


def _model_of(model: type[BaseModel] | None, name: str) -> type[BaseModel] | None:
    """The model of a field, or of its items."""
    fields = model.model_fields.values() if model else ()
    return next((_within(field.annotation) for field in fields if field.alias == name), None)


def _within(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _within(part))), None)
