"""The bill: what each load balancer used in a time, and what that costs. Exact: nothing is rounded but what is shown."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from elbow_api.ledger import KEY, LIVED, OF, Ledger, Lifetime, billed_hours
from elbow_api.usage import Counts, Usage, units_by_kind
from elbow_kube.object import Object

from elbow_kubectl.prices import Prices

_GIGA = Decimal(10**9)


@dataclass
class Account:
    """Everything that is kept of one load balancer's usage."""

    namespace: str
    name: str
    hours: dict[str, Usage] = field(default_factory=dict)
    lifetimes: dict[str, Lifetime] = field(default_factory=dict)
    """By UID; one whose end isn't known is there."""


@dataclass(frozen=True)
class Line:
    """What one load balancer, or several together, used."""

    namespace: str
    name: str
    """Empty for all of a namespace; the namespace too, for all there are."""
    hours: int
    counts: Counts
    units: Mapping[str, Decimal]
    """Capacity-unit hours by the kind of listener."""

    @property
    def unit_hours(self) -> Decimal:
        """Of all kinds."""
        return sum(self.units.values(), Decimal(0))

    @property
    def gigabytes(self) -> Decimal:
        """10^9 bytes."""
        return self.counts.processed_bytes / _GIGA


@dataclass(frozen=True)
class Cost:
    """What a line costs, by dimension."""

    hours: Decimal
    units: Decimal
    gigabytes: Decimal

    @property
    def total(self) -> Decimal:
        """All of it."""
        return self.hours + self.units + self.gigabytes


def accounts(documents: Iterable[Object]) -> tuple[list[Account], list[str]]:
    """From the ConfigMaps that hold usage, by namespace and name; and what of them can't be read."""
    found: dict[tuple[str, str], Account] = {}
    faults: list[str] = []
    ordered = sorted(documents, key=lambda document: KEY in (document.get("data") or {}))  # what is open is the newest
    for document in ordered:
        metadata = document["metadata"]
        namespace, name = metadata["namespace"], (metadata.get("annotations") or {}).get(OF, "")
        if not name:
            faults.append(f"{namespace}/{metadata['name']}: the annotation {OF} is missing")
            continue
        try:
            account = found.setdefault((namespace, name), Account(namespace, name))
            for key, text in (document.get("data") or {}).items():
                _enter(account, key, text)
        except ValueError as error:
            faults.append(f"{namespace}/{metadata['name']}: {str(error).splitlines()[0]}")
    return [found[key] for key in sorted(found)], faults


def _enter(account: Account, key: str, text: str) -> None:
    if key == KEY:
        ledger = Ledger.model_validate_json(text)
        account.hours |= ledger.hours
        account.lifetimes |= ledger.lifetimes
    elif key.startswith(LIVED):
        account.lifetimes[key.removeprefix(LIVED)] = Lifetime.model_validate_json(text)
    else:
        account.hours[key] = Usage.model_validate_json(text)


def line(account: Account, since: datetime, until: datetime, now: datetime) -> Line:
    """What an account has from one hour to before another."""
    first, end = f"{since:%Y-%m-%dT%H}", f"{until:%Y-%m-%dT%H}"
    used = [usage for hour, usage in account.hours.items() if first <= hour < end]
    units: dict[str, Decimal] = dict.fromkeys(Usage.model_fields, Decimal(0))
    for usage in used:
        for kind, number in units_by_kind(usage).items():
            units[kind] += number
    counts = sum((usage.together() for usage in used), Counts())
    hours = billed_hours(account.lifetimes.values(), now, since, until)
    return Line(account.namespace, account.name, hours, counts, units)


def together(lines: Iterable[Line], namespace: str = "") -> Line:
    """Several as one."""
    lines = list(lines)
    return Line(
        namespace,
        "",
        sum(one.hours for one in lines),
        sum((one.counts for one in lines), Counts()),
        {kind: sum((one.units[kind] for one in lines), Decimal(0)) for kind in Usage.model_fields},
    )


def cost(one: Line, prices: Prices) -> Cost:
    """What it costs."""
    unit_prices = dict(prices.capacity_unit_hour)
    return Cost(
        one.hours * prices.load_balancer_hour,
        sum((number * unit_prices[kind] for kind, number in one.units.items()), Decimal(0)),
        one.gigabytes * prices.gigabyte,
    )
