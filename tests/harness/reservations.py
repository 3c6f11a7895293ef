"""Load balancers with capacity set aside."""

from datetime import UTC, datetime, timedelta
from typing import Any

from elbow_api.load_balancer import LoadBalancer
from elbow_operator.plan.capacity import plan

from harness.observed import load_balancer

START = datetime(2026, 1, 31, 18, tzinfo=UTC)
END = START + timedelta(hours=2)
MINUTE = timedelta(minutes=1)


def launch(name: str = "launch", start: datetime = START, end: datetime = END, **fields: Any) -> dict[str, Any]:
    """A reservation of what takes 6 default proxies a zone where three zones share it."""
    times = {"start": start.isoformat(timespec="seconds"), "end": end.isoformat(timespec="seconds")}
    return {"name": name, **times, "requestsPerSecond": 30_000, **fields}


def reserved(*reservations: dict[str, Any], proxy: Any = None, **spec: Any) -> LoadBalancer:
    """A load balancer with reservations; `minimumUnits` among them by name."""
    capacity = {"reservations": list(reservations)} | {k: spec.pop(k) for k in ("minimumUnits",) if k in spec}
    return load_balancer(capacity=capacity, **({"proxy": proxy} if proxy else {}), **spec)


NEEDED = plan(reserved(launch()).spec, 3, START).needed
"""Proxies of each of three zones that it takes."""
