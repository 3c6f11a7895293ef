"""What rules count for a listener, beside what HAProxy counts by itself: counters in a table, tracked once a connection."""

import re

COUNTERS_TABLE = "listener_counters"
NAMES = (
    "elb_500",
    "elb_502",
    "elb_503",
    "elb_504",
    "target_4xx",
    "target_5xx",
    "noncompliant",
    "invalid_headers",
    "not_sticky",
)
_ROW = re.compile(r"key=(\d+) .*$", re.MULTILINE)
_CELL = re.compile(r"gpc(\d+)=(\d+)")


def counter(name: str) -> int:
    """The place of a counter in the table."""
    return NAMES.index(name)


def section() -> tuple[str, list[str]]:
    """The table; one row a listener."""
    return f"backend {COUNTERS_TABLE}", [f"  stick-table type integer size 1k store gpc({len(NAMES)})"]


def parse_table(text: str) -> dict[int, dict[str, int]]:
    """Take `show table listener_counters`: the counters by the frontend's id."""
    rows: dict[int, dict[str, int]] = {}
    for row in _ROW.finditer(text):
        cells = {int(place): int(value) for place, value in _CELL.findall(row[0])}
        rows[int(row[1])] = {name: cells.get(place, 0) for place, name in enumerate(NAMES)}
    return rows
