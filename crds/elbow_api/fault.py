"""A fault in what a user wrote: the field, what is wrong, and the way out."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import ErrorDetails

Path = tuple[str | int, ...]

_SAY = {
    "missing": "required",
    "extra_forbidden": "unknown field; remove it, or look for a typing error",
    "int_type": "not a whole number",
    "bool_type": "neither true nor false",
    "list_type": "not a list",
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
            text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
        return text or "the document"

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


class Refused(Exception):  # noqa: N818  (it reads as what happened)
    """A resource that can't be accepted, with every fault found."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(map(str, faults)))
        self.faults = tuple(faults)


def faults_of(error: ValidationError) -> list[Fault]:
    """Every fault pydantic found, in the order of the document."""
    return [Fault(_path(detail), _message(detail)) for detail in error.errors(include_url=False)]


def _path(detail: ErrorDetails) -> Path:
    # Pydantic adds the names of union members and validators to a location; a user never wrote those.
    return tuple(
        step
        for step in detail["loc"]
        if isinstance(step, int) or not step.startswith(("function-", "constrained-", "literal[", "tagged-"))
    )


def _message(detail: ErrorDetails) -> str:
    kind, ctx = detail["type"], detail.get("ctx", {})
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
        return f"at most {most} {'items' if 'max_length' in ctx else 'characters'}"
    if kind == "too_short":
        return f"at least {ctx['min_length']} needed"
    return detail["msg"]
