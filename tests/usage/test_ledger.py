"""What proxies report is added up once, whatever becomes of reports."""

from datetime import UTC, datetime, timedelta

from elbow_api.ledger import Ledger, billed_hours
from elbow_api.usage import Counts, Usage, UsageReport
from elbow_operator.usage.ledger import (
    begin,
    counted,
    dead,
    gone,
    is_empty,
    lives,
    moved,
    over,
    sums,
    turned,
    without_lost,
)
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2026, 11, 25, 21, 14, 3, tzinfo=UTC)
HOUR = timedelta(hours=1)


def report(requests: int, *, stream: str = "a1", since: datetime = NOW) -> UsageReport:
    counts = Counts(requests=requests, new_connections=requests, processed_bytes=1000 * requests)
    return UsageReport(stream=stream, since=since.isoformat(), usage=Usage(http=counts))


def requests(ledger: Ledger) -> int:
    return sums(ledger, whole=False).usage.http.requests


def test_sums_are_added_once() -> None:
    ledger = begin(NOW)
    for told in (5, 5, 12, 5, 12):
        ledger = counted(ledger, "pod", report(told), NOW)
    assert requests(ledger) == 12


def test_a_stream_that_began_anew_is_another_one() -> None:
    ledger = counted(begin(NOW), "pod", report(5), NOW)
    ledger = counted(ledger, "pod", report(3, stream="b2"), NOW)
    assert requests(ledger) == 8


def test_a_report_that_says_nothing_new_changes_nothing() -> None:
    ledger = counted(begin(NOW), "pod", report(5), NOW)
    assert counted(ledger, "pod", report(5), NOW + HOUR) is ledger
    assert counted(ledger, "other", report(0), NOW) is ledger


def test_what_was_counted_before_there_was_a_ledger_is_nobodys() -> None:
    ledger = counted(begin(NOW), "pod", report(100, since=NOW - HOUR), NOW)
    ledger = counted(ledger, "pod", report(103, since=NOW - HOUR), NOW)
    assert requests(ledger) == 3


def test_each_hour_gets_what_was_reported_in_it() -> None:
    ledger = counted(begin(NOW), "pod", report(5), NOW)
    ledger = counted(ledger, "pod", report(7), NOW + HOUR)
    assert {hour: usage.http.requests for hour, usage in ledger.hours.items()} == {
        "2026-11-25T21": 5,
        "2026-11-25T22": 2,
    }
    assert over(ledger).keys() == {"2026-11-25T21"}


def test_an_hour_that_is_over_never_changes_by_a_clock_that_is_late() -> None:
    ledger = counted(turned(begin(NOW), NOW + HOUR), "pod", report(5), NOW)
    assert ledger.hours.keys() == {"2026-11-25T22"}


def test_what_went_into_months_still_counts_to_the_load_balancer() -> None:
    ledger = counted(lives(begin(NOW), "u1", NOW), "pod", report(5), NOW)
    ledger = counted(ledger, "pod", report(7), NOW + HOUR)
    before = sums(ledger, whole=False)
    ledger = moved(ledger, over(ledger), ())
    assert sums(ledger, whole=False) == before
    assert sums(ledger, whole=True).usage.http.requests == 5
    assert ledger.hours.keys() == {"2026-11-25T22"}


def test_a_load_balancer_made_anew_begins_at_zero_and_the_old_one_is_kept() -> None:
    ledger = counted(lives(begin(NOW), "u1", NOW), "pod", report(5), NOW)
    later = NOW + 2 * HOUR
    ledger = lives(ledger, "u2", later)
    assert requests(ledger) == 0
    assert dead(ledger)["u1"].until == later
    assert ledger.lifetimes["u2"].until is None
    assert over(ledger)["2026-11-25T21"].http.requests == 5


def test_one_that_is_gone_leaves_nothing_once_all_is_in_months() -> None:
    ledger = counted(lives(begin(NOW), "u1", NOW), "pod", report(5), NOW)
    ledger = gone(ledger, NOW + HOUR)
    ledger = turned(ledger, NOW + HOUR)
    assert not is_empty(ledger)
    assert is_empty(moved(ledger, over(ledger), dead(ledger)))


def test_being_there_is_said_once() -> None:
    ledger = lives(begin(NOW), "u1", NOW)
    assert lives(ledger, "u1", NOW + HOUR) is ledger


def test_a_part_of_an_hour_is_a_whole_one() -> None:
    ledger = gone(lives(begin(NOW), "u1", NOW), NOW + timedelta(minutes=5))
    assert billed_hours(ledger.lifetimes.values(), NOW) == 1
    ledger = gone(lives(ledger, "u2", NOW + timedelta(minutes=10)), NOW + HOUR)  # 21:24 to 22:14
    assert billed_hours(ledger.lifetimes.values(), NOW) == 3
    there = lives(begin(NOW), "u3", NOW)
    assert billed_hours(there.lifetimes.values(), NOW + 24 * HOUR) == 25


def test_a_stream_is_known_for_six_hours_after_its_pod_is_gone() -> None:
    ledger = counted(begin(NOW), "pod", report(5), NOW)
    assert without_lost(ledger, {"pod"}, NOW + 24 * HOUR) is ledger
    assert without_lost(ledger, (), NOW + 5 * HOUR) is ledger
    assert not without_lost(ledger, (), NOW + 6 * HOUR).streams


def test_a_ledger_is_the_same_after_it_was_written_and_read() -> None:
    ledger = counted(lives(begin(NOW), "u1", NOW), "pod", report(5), NOW)
    ledger = moved(counted(ledger, "pod", report(7), NOW + HOUR), ["2026-11-25T21"], ())
    text = ledger.model_dump_json(by_alias=True, exclude_defaults=True)
    assert Ledger.model_validate_json(text) == ledger


@given(
    steps=st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9), st.integers(1, 4)), max_size=30),
    order=st.randoms(use_true_random=False),
    data=st.data(),
)
def test_reports_lost_doubled_and_late_never_add_up_to_more(steps: list[tuple[str, int, int]], order, data) -> None:
    """The newest report that arrived says what is added up, in whatever order the others come."""
    total, sent = {"a": 0, "b": 0}, []
    for pod, more, times in steps:
        total[pod] += more
        sent += [(pod, total[pod])] * times
    arrived = [told for told in sent if data.draw(st.booleans())]
    order.shuffle(arrived)
    ledger = begin(NOW)
    for number, (pod, told) in enumerate(arrived):
        ledger = counted(ledger, pod, report(told), NOW + number * HOUR / 7)
    newest = [max((told for pod, told in arrived if pod == wanted), default=0) for wanted in "ab"]
    assert requests(ledger) == sum(newest) <= sum(total.values())
