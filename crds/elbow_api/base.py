"""What all models share: unknown fields are refused, names are camelCase outside and snake_case inside."""

from pydantic import BaseModel, ConfigDict


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


class Model(BaseModel):
    """A part of a resource: immutable, and strict about what it takes."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        alias_generator=_camel,
        validate_by_name=True,
        validate_by_alias=True,
        use_attribute_docstrings=True,
    )
