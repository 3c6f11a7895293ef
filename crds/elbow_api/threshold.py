"""How many healthy targets are enough (ELB section 14.4)."""

import math
import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from elbow_api.base import Model

_PERCENT = re.compile(r"(100|[1-9]?[0-9])%")


def _count_or_percent(value: Any) -> int | str:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 1000:
        return value
    if isinstance(value, str) and _PERCENT.fullmatch(value):
        return value
    raise PydanticCustomError("threshold", "neither a count (0 to 1000) nor a percentage (0% to 100%)")


CountOrPercent = Annotated[
    int | str,
    BeforeValidator(_count_or_percent),
    Field(json_schema_extra={"x-kubernetes-int-or-string": True, "pattern": "^(100|[1-9]?[0-9])%$"}),
]


class MinimumHealthy(Model):
    """Below these the group is impaired: routing falls open, or the zone leaves DNS."""

    routing: CountOrPercent = 1
    """With fewer healthy targets than this (a count, or a percentage of those registered), requests go to all of them."""
    dns: CountOrPercent = 1
    """With fewer healthy targets than this in a zone, the zone's addresses leave DNS; 0 keeps them."""


def needed(threshold: int | str, registered: int) -> int:
    """How many healthy targets a threshold asks for, of so many registered."""
    if isinstance(threshold, int):
        return threshold
    return math.ceil(registered * int(threshold[:-1]) / 100)
