"""Durations as Gateway API writes them (GEP-2257): `500ms`, `30s`, `5m`, `1h30m`."""

import re
from dataclasses import dataclass
from typing import Any, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import PydanticCustomError, core_schema

PATTERN = r"^(([0-9]{1,5}(h|m|s|ms)){1,4}|[1-9][0-9]?d)$"
_UNITS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_PART = re.compile(r"([0-9]{1,5})(ms|d|h|m|s)")


class Duration(str):
    """A span of time as its user wrote it."""

    __slots__ = ()

    @property
    def milliseconds(self) -> int:
        """The span in milliseconds."""
        return sum(int(n) * _UNITS[unit] for n, unit in _PART.findall(self))

    @property
    def seconds(self) -> float:
        """The span in seconds."""
        return self.milliseconds / 1000

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls.parse, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: Any, _handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "pattern": PATTERN, "maxLength": 24}

    @classmethod
    def parse(cls, value: Any) -> Self:
        """Take what a user wrote; raises PydanticCustomError, a ValueError."""
        if not isinstance(value, str) or len(value) > 24 or not re.fullmatch(PATTERN[1:-1], value):
            raise PydanticCustomError("duration", "not a duration; write it like 30s, 5m, 1h30m or 500ms")
        return cls(value)


@dataclass(frozen=True)
class Within:
    """The range of a duration, for use in `Annotated`; both ends belong to it."""

    least: str
    most: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Check the range after the duration itself is known to be one."""
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def _check(self, value: Duration) -> Duration:
        if not Duration(self.least).milliseconds <= value.milliseconds <= Duration(self.most).milliseconds:
            raise PydanticCustomError(
                "duration_range", "outside {least} to {most}", {"least": self.least, "most": self.most}
            )
        return value
