"""A ledger as proxies' counts come in, hours turn, and load balancers come and go (ELB section 13).

Proxies report sums, and the ledger keeps how far each was added up. So it doesn't matter whether a report is lost, comes twice or late,
or is told to another operator.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from elbow_api.ledger import Ledger, Lifetime, Stream, Sums, hour_of
from elbow_api.usage import Usage, UsageReport, capacity_units

_KEPT = timedelta(hours=6)
"""How long a pod's stream is known after the pod was last heard and is gone: a report of it that comes late, or was told to another
operator whose clock is hours behind, adds nothing."""


def begin(now: datetime) -> Ledger:
    """An empty one."""
    return Ledger(began=now, hour=hour_of(now))


def lives(ledger: Ledger, uid: str, now: datetime) -> Ledger:
    """The load balancer is there; one of another UID isn't any more."""
    ledger = gone(ledger, now, but=uid)
    known = ledger.lifetimes.get(uid)
    if known is not None:
        alive = {**ledger.lifetimes, uid: Lifetime(since=known.since)}
        return ledger if known.until is None else ledger.model_copy(update={"lifetimes": alive})
    ledger = turned(ledger, now)
    lifetimes = {**ledger.lifetimes, uid: Lifetime(since=now)}
    return ledger.model_copy(update={"lifetimes": lifetimes, "first": ledger.hour, "before": Sums()})


def gone(ledger: Ledger, now: datetime, but: str = "") -> Ledger:
    """No load balancer is there (but that of a UID)."""
    lifetimes = {
        uid: life if life.until or uid == but else life.model_copy(update={"until": max(now, life.since)})
        for uid, life in ledger.lifetimes.items()
    }
    return ledger if lifetimes == ledger.lifetimes else ledger.model_copy(update={"lifetimes": lifetimes})


def counted(ledger: Ledger, pod: str, report: UsageReport, now: datetime) -> Ledger:
    """Add what a proxy counted since it was last added up; the same ledger if that is nothing.

    What a stream counted before there was a ledger is nobody's.
    """
    key = f"{pod}/{report.stream}"
    known = ledger.streams.get(key)
    if known is None and _time(report.since) < ledger.began:
        stream = Stream(heard=now, counted=report.usage)
        return ledger.model_copy(update={"streams": {**ledger.streams, key: stream}})
    before = known.counted if known else Usage()
    more = report.usage.beyond(before)
    if more == Usage():
        return ledger
    ledger = turned(ledger, now)
    stream = Stream(heard=now, counted=before + more)
    hours = {**ledger.hours, ledger.hour: ledger.hours.get(ledger.hour, Usage()) + more}
    return ledger.model_copy(update={"streams": {**ledger.streams, key: stream}, "hours": hours})


def turned(ledger: Ledger, now: datetime) -> Ledger:
    """With the hour it is; an hour that is over never comes back, whatever another leader's clock says."""
    hour = max(ledger.hour, hour_of(now))
    return ledger if hour == ledger.hour else ledger.model_copy(update={"hour": hour})


def over(ledger: Ledger) -> dict[str, Usage]:
    """The hours that don't change any more."""
    return {hour: usage for hour, usage in ledger.hours.items() if hour < ledger.hour}


def dead(ledger: Ledger) -> dict[str, Lifetime]:
    """The load balancers that are gone."""
    return {uid: life for uid, life in ledger.lifetimes.items() if life.until}


def moved(ledger: Ledger, hours: Collection[str], uids: Collection[str]) -> Ledger:
    """Without hours and load balancers that are in months now."""
    past = [usage for hour, usage in ledger.hours.items() if hour in hours and hour >= ledger.first]
    before = Sums(
        usage=sum(past, ledger.before.usage),
        capacity_units=sum(map(capacity_units, past), ledger.before.capacity_units),
    )
    return ledger.model_copy(
        update={
            "hours": {hour: usage for hour, usage in ledger.hours.items() if hour not in hours},
            "lifetimes": {uid: life for uid, life in ledger.lifetimes.items() if uid not in uids},
            "before": before,
        }
    )


def without_lost(ledger: Ledger, pods: Collection[str], now: datetime) -> Ledger:
    """Without the streams of pods that have been gone for long."""
    kept = {
        key: stream
        for key, stream in ledger.streams.items()
        if key.partition("/")[0] in pods or stream.heard + _KEPT > now
    }
    return ledger if len(kept) == len(ledger.streams) else ledger.model_copy(update={"streams": kept})


def is_empty(ledger: Ledger) -> bool:
    """Whether nothing is left that isn't in months."""
    return not ledger.hours and not ledger.lifetimes


def sums(ledger: Ledger, *, whole: bool) -> Sums:
    """What the load balancer that is there used since it came; `whole` leaves the hour out that is counted into."""
    hours = [u for hour, u in ledger.hours.items() if hour >= ledger.first and not (whole and hour == ledger.hour)]
    return Sums(
        usage=sum(hours, ledger.before.usage),
        capacity_units=sum(map(capacity_units, hours), ledger.before.capacity_units),
    )


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
