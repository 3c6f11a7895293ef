"""What is kept of a load balancer's usage, to bill it by: written by the operator, read by `kubectl elb usage`."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from pydantic import Field

from elbow_api.base import Model
from elbow_api.usage import Usage

LABEL = "elbow.dev/usage"
"""On every ConfigMap that holds usage: `open`, or the month it is of, `2026-11`."""
OPEN = "open"
OF = "elbow.dev/usage-of"
"""An annotation: the load balancer's name."""
KEY = "ledger"
LIVED = "lived."
"""Where a month says from when to when a load balancer lived: this, and its UID."""

_HOUR = timedelta(hours=1)


class Lifetime(Model):
    """From when to when there was a load balancer."""

    since: datetime
    until: datetime | None = None
    """None while it is there."""


class Stream(Model):
    """How far a proxy's counts were added up."""

    heard: datetime
    counted: Usage = Usage()


class Sums(Model):
    """What hours add up to that are in months already."""

    usage: Usage = Usage()
    capacity_units: Decimal = Decimal(0)


class Ledger(Model):
    """One load balancer's usage that isn't in a month yet, and how far every proxy's counts are in it."""

    began: datetime
    """Since when there is a ledger; what proxies that are older counted before they were first heard is not in it."""
    hour: str
    """The hour that is counted into, UTC, `2026-11-25T21`; none before it changes any more."""
    lifetimes: dict[str, Lifetime] = Field(default_factory=dict)
    """By the load balancer's UID: one that was made anew under its name is another one."""
    streams: dict[str, Stream] = Field(default_factory=dict)
    """By pod and stream."""
    hours: dict[str, Usage] = Field(default_factory=dict)
    first: str = ""
    """The first hour of the load balancer that is there now."""
    before: Sums = Sums()
    """Its hours that are in months already."""


def hour_of(time: datetime) -> str:
    """The hour a time lies in, as hours are named. The time is in UTC."""
    return f"{time:%Y-%m-%dT%H}"


def billed_hours(
    lifetimes: Iterable[Lifetime], now: datetime, since: datetime | None = None, until: datetime | None = None
) -> int:
    """Load-balancer hours: each hour of the clock a load balancer was there in counts as a whole one.

    Only those from one hour to before another, where they are given; `now` ends what goes on.
    """
    return sum(_hours(life.since, life.until or now, since, until) for life in lifetimes)


def _hours(began: datetime, ended: datetime, since: datetime | None, until: datetime | None) -> int:
    first, end = _whole(began), _whole(max(began, ended)) + _HOUR
    first, end = max(first, since or first), min(end, until or end)
    return max(0, int((end - first) / _HOUR))


def _whole(time: datetime) -> datetime:
    return time.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def open_name(load_balancer: str) -> str:
    """The ConfigMap of a ledger."""
    return f"elbow-usage-{load_balancer}"


def month_name(load_balancer: str, month: str) -> str:
    """The ConfigMap of a month; a load balancer's own name has no dots."""
    return f"elbow-usage-{load_balancer}.{month}"
