"""How long targets took to answer: a count for every millisecond value seen (ELB: TargetResponseTime, Latency)."""

import re

from elbow_api.target_group import TargetGroup

_ROW = re.compile(r"key=(\d+) .*http_req_cnt=(\d+)")


def table_of(group: TargetGroup) -> str:
    """The table of a group."""
    return f"latency_{group.name}"


def section(group: TargetGroup) -> tuple[str, list[str]]:
    """The table; rows don't expire, so their counts are totals."""
    return f"backend {table_of(group)}", ["  stick-table type integer size 64k store http_req_cnt"]


def parse_table(text: str) -> dict[int, int]:
    """Take `show table latency_...`: how many answers took so many milliseconds."""
    return {int(ms): int(count) for ms, count in _ROW.findall(text)}
