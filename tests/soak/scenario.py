"""A scenario: what is done, and what may fail while it is done; and the judgement of a run."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from soak.clients import Tally
from soak.load.ledger import Failure
from soak.stage import Stage
from soak.witness import Told

_RATE = 150.0
"""Requests a second that the numbers of excuses are for."""


@dataclass(frozen=True)
class Excuse:
    """Failures that physics asks for: requests under way at a moment, or begun in the seconds after it."""

    mark: str
    """The moment: what the scenario calls it."""
    why: str
    seconds: float = 0.0
    kinds: frozenset[str] | None = None
    """Kinds of clients; none: all."""
    doors: frozenset[str] | None = None
    """The doors they went to; none: all."""
    most: int | None = None
    """So many for each time it happens, at 150 requests a second; at a higher rate more are under way, in proportion."""

    def covers(self, failure: Failure, marks: Iterable[tuple[str, float]]) -> bool:
        """Whether it excuses a failure."""
        if self.kinds is not None and failure.kind not in self.kinds:
            return False
        if self.doors is not None and failure.door not in self.doors:
            return False
        return any(failure.at >= at and failure.began <= at + self.seconds for name, at in marks if name == self.mark)


@dataclass(frozen=True)
class Scenario:
    """Something that happens to the system."""

    name: str
    group: int
    """1 to 8, as docs/reliability.md has them."""
    what: str
    act: Callable[[Stage], None]
    elb: str
    """What AWS ELB would have allowed to fail."""
    excuses: tuple[Excuse, ...] = ()
    ci: bool = False
    """Among the chosen few."""
    again: bool = True
    """It is done until enough was sent; otherwise once, and clients go on until then."""
    zones: tuple[str, ...] = ("zone-a", "zone-b", "zone-c")
    """Where clients are."""
    seconds: float = 15.0
    """How long a WebSocket, a download, a slow POST and a TCP connection take, at most."""
    spec: Mapping[str, Any] = field(default_factory=dict)
    """What its load balancer has of its own."""
    targets: Mapping[str, Any] = field(default_factory=dict)
    """What its targets have of their own: see Stage.targets."""
    after: Callable[[Stage], None] = lambda _: None
    """Puts right what it left behind, whatever happened."""
    moves: bool = False
    """Whether sticky clients may be led elsewhere though their target stays."""


@dataclass
class Verdict:
    """How a scenario ended."""

    scenario: Scenario
    tally: Tally
    seconds: float
    marks: list[tuple[str, float]]
    bad: list[Failure]
    """Failures that nothing excuses."""
    excused: int
    lost: list[str]
    """Sticky clients led elsewhere without need."""
    broke: str = ""
    """Why it could not be done."""
    told: list[Told] = field(default_factory=list)
    """What the cluster told meanwhile."""

    @property
    def spans(self) -> dict[str, float]:
        """For each moment of an excuse: seconds after which the last of the requests that failed had begun."""
        spans: dict[str, float] = {}
        for failure in self.tally.failures:
            before = [(name, at) for name, at in self.marks if at <= failure.at]
            if before:
                name, at = before[-1]
                spans[name] = max(spans.get(name, 0.0), failure.began - at)
        return {name: round(span, 2) for name, span in spans.items()}

    @property
    def good(self) -> bool:
        return not (self.bad or self.lost or self.broke)


def judge(
    scenario: Scenario,
    tally: Tally,
    marks: list[tuple[str, float]],
    staying: set[str],
    seconds: float,
    broke: str = "",
    rate: float = _RATE,
) -> Verdict:
    """Compare what failed with what may, given the moments, the targets that nobody told to end, and the requests a second."""
    bad = []
    used: dict[Excuse, int] = {}
    for failure in tally.failures:
        fitting = next((e for e in scenario.excuses if e.covers(failure, marks)), None)
        if fitting is None:
            bad.append(failure)
            continue
        used[fitting] = used.get(fitting, 0) + 1
        times = sum(name == fitting.mark for name, _ in marks)
        if fitting.most is not None and used[fitting] > fitting.most * times * max(1.0, rate / _RATE):
            bad.append(failure)
    lost = [
        f"{move.at:.3f} {move.door}: {move.left} to {move.found}"
        for move in tally.moves
        if not scenario.moves and move.left in staying
    ]
    return Verdict(scenario, tally, seconds, marks, bad, len(tally.failures) - len(bad), lost, broke)
