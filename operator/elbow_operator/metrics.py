"""What the operator tells Prometheus of itself: how far the cluster is behind, what failed, and what it still hears."""

import time
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Any

from elbow_kube.client import ApiError
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from elbow_operator.owned import Key
from elbow_operator.status.convergence import Convergence, converge

Watch = tuple[str, str]
"""The path of what is watched, and the labels it is chosen by."""

_LOAD_BALANCER = ["namespace", "load_balancer"]
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Failure(StrEnum):
    """Why a load balancer couldn't be reconciled: the closed list."""

    API_SERVER_AWAY = "ApiServerAway"
    """It can't be reached, or doesn't answer in time."""
    API_SERVER_ERROR = "ApiServerError"
    THROTTLED = "Throttled"
    FORBIDDEN = "Forbidden"
    CONFLICT = "Conflict"
    OBJECT_REFUSED = "ObjectRefused"
    """It doesn't take an object: by its rules, an admission, or a quota."""
    INTERNAL = "Internal"
    """A fault of the operator's own."""


_STATUSES = {
    401: Failure.FORBIDDEN,
    403: Failure.FORBIDDEN,
    409: Failure.CONFLICT,
    429: Failure.THROTTLED,
}


def failure(error: BaseException) -> Failure:
    """Why, from what was raised."""
    match error:
        case ApiError(status=status) if status >= 500:
            return Failure.API_SERVER_ERROR
        case ApiError(status=status):
            return _STATUSES.get(status, Failure.OBJECT_REFUSED)
        case OSError():  # a timeout is one too
            return Failure.API_SERVER_AWAY
    return Failure.INTERNAL


class Metrics(Collector):
    """What the parts tell as they work, as metrics when asked; ages are taken then. All of a replica that doesn't lead is 0 or missing."""

    def __init__(self, registry: CollectorRegistry, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._leads = False
        self._heard: dict[Watch, float] = {}
        self._balancers: dict[Key, Convergence] = {}
        self._waiting: Mapping[Key, float] = {}
        self._duration = Histogram(
            "elbow_operator_reconcile_duration_seconds",
            "How long a look at a load balancer took, those that failed included",
            buckets=_SECONDS,
            registry=registry,
        )
        self._errors = Counter(
            "elbow_operator_reconcile_errors",
            "Looks at a load balancer that failed, and objects that were refused, by reason",
            ["reason"],
            registry=registry,
        )
        for reason in Failure:
            self._errors.labels(reason.value)
        registry.register(self)

    def lead(self, waiting: Mapping[Key, float]) -> None:
        """This replica leads from now on; `waiting`, which changes, is since when load balancers wait to be looked at."""
        self._leads, self._waiting = True, waiting

    def resign(self) -> None:
        """It leads no more, and what it knew is old."""
        self._leads = False
        self._heard, self._balancers, self._waiting = {}, {}, {}

    def heard(self, watch: Watch) -> None:
        """The API server said something on a watch, be it that nothing happened."""
        self._heard[watch] = self._clock()

    def looked(self, seconds: float) -> None:
        """A look at a load balancer is over."""
        self._duration.observe(seconds)

    def failed(self, reason: Failure, times: int = 1) -> None:
        """A look failed, or objects were refused in it."""
        self._errors.labels(reason.value).inc(times)

    def tell(self, key: Key, status: Mapping[str, Any]) -> None:
        """The status a look found, written or not."""
        self._balancers[key] = converge(self._balancers.get(key), status, self._clock())

    def forget(self, key: Key) -> None:
        """A load balancer is gone."""
        self._balancers.pop(key, None)

    def describe(self) -> Iterator[Metric]:
        """None: what is there depends on who leads."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """All gauges."""
        now = self._clock()
        yield GaugeMetricFamily("elbow_operator_leader", "1 for the replica that leads", value=float(self._leads))
        if not self._leads:
            return
        for name, text, value in (
            ("queue_length", "Load balancers that are to be looked at, or are being looked at", len(self._waiting)),
            (
                "queue_age_seconds",
                "How long the oldest of them has waited for a look that succeeds",
                now - min(self._waiting.values(), default=now),
            ),
        ):
            yield GaugeMetricFamily(f"elbow_operator_{name}", text, value=value)
        ages = GaugeMetricFamily(
            "elbow_operator_watch_age_seconds",
            "How long the API server has said nothing on a watch; a quiet one is begun anew each 3 minutes",
            labels=["resource"],
        )
        for resource in sorted({_resource(watch) for watch in self._heard}):
            oldest = min(at for watch, at in self._heard.items() if _resource(watch) == resource)
            ages.add_metric([resource], now - oldest)
        yield ages
        yield from self._of_load_balancers(now)

    def _of_load_balancers(self, now: float) -> Iterator[Metric]:
        age = GaugeMetricFamily(
            "elbow_load_balancer_convergence_age_seconds",
            "How old the oldest change is that not every proxy runs; 0 when all do",
            labels=_LOAD_BALANCER,
        )
        conditions = GaugeMetricFamily(
            "elbow_load_balancer_condition", "1 while the condition is true", labels=[*_LOAD_BALANCER, "condition"]
        )
        proxies = {
            name: GaugeMetricFamily(f"elbow_load_balancer_proxies_{name}", text, labels=[*_LOAD_BALANCER, "zone"])
            for name, text in (
                ("wanted", "Proxies a zone is to have"),
                ("ready", "Proxies that are ready"),
                ("behind", "Proxies that are missing or don't run the newest accepted spec"),
            )
        }
        for key, found in sorted(self._balancers.items()):
            age.add_metric(key, 0.0 if found.since is None else now - found.since)
            for condition, is_true in found.conditions.items():
                conditions.add_metric([*key, condition], float(is_true))
            for zone, of_zone in found.zones.items():
                for name, family in proxies.items():
                    family.add_metric([*key, zone], getattr(of_zone, name))
        yield from (age, conditions, *proxies.values())


def _resource(watch: Watch) -> str:
    """What a watch is of, whichever namespace's and whichever labels': the last part of its path."""
    return watch[0].rpartition("/")[2]
