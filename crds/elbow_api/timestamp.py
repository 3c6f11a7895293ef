"""Times as the API server, the resource and reports write them."""

from datetime import UTC, datetime
from typing import Literal


def timestamp(time: datetime, timespec: Literal["seconds", "milliseconds", "microseconds"] = "seconds") -> str:
    """ISO 8601 in UTC, such as 2026-01-31T18:00:00Z; what is finer than asked for is cut off."""
    return time.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")
