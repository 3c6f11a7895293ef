"""Capacity units by ELB's formula: of each kind of listener the largest dimension of an hour."""

from decimal import Decimal

import pytest
from elbow_api.usage import Counts, Usage, capacity_units
from hypothesis import given
from hypothesis import strategies as st

_HOUR = 3600
NUMBERS = st.integers(0, 10**12)
COUNTS = st.builds(
    Counts,
    requests=NUMBERS,
    new_connections=NUMBERS,
    connection_seconds=NUMBERS,
    processed_bytes=NUMBERS,
    rule_evaluations=NUMBERS,
)
USAGE = st.builds(Usage, http=COUNTS, tcp=COUNTS, tls=COUNTS)


@pytest.mark.parametrize(
    "one",
    [
        Usage(http=Counts(new_connections=25 * _HOUR)),
        Usage(http=Counts(connection_seconds=3000 * _HOUR)),
        Usage(http=Counts(processed_bytes=10**9)),
        Usage(http=Counts(rule_evaluations=1000 * _HOUR)),
        Usage(tcp=Counts(new_connections=800 * _HOUR)),
        Usage(tcp=Counts(connection_seconds=100_000 * _HOUR)),
        Usage(tcp=Counts(processed_bytes=10**9)),
        Usage(tls=Counts(new_connections=50 * _HOUR)),
        Usage(tls=Counts(connection_seconds=3000 * _HOUR)),
        Usage(tls=Counts(processed_bytes=10**9)),
    ],
    ids=repr,
)
def test_this_for_an_hour_is_one_unit(one: Usage) -> None:
    assert capacity_units(one) == 1
    assert capacity_units(one + one) == 2


def test_the_largest_dimension_counts_alone() -> None:
    counts = Counts(new_connections=25 * _HOUR, connection_seconds=3000 * _HOUR * 3, processed_bytes=2 * 10**9)
    assert capacity_units(Usage(http=counts)) == 3


def test_kinds_of_listeners_are_added() -> None:
    gigabyte = Counts(processed_bytes=10**9)
    assert capacity_units(Usage(http=gigabyte, tcp=gigabyte, tls=gigabyte)) == 3


def test_amazons_own_example() -> None:
    """One new connection a second, open for two minutes, five requests each, 300 kB a second: bytes decide, 1.08 units."""
    counts = Counts(
        new_connections=_HOUR, connection_seconds=120 * _HOUR, processed_bytes=300_000 * _HOUR, requests=5 * _HOUR
    )
    assert capacity_units(Usage(http=counts)) == Decimal("1.08")


def test_requests_and_tcp_rules_cost_nothing() -> None:
    assert capacity_units(Usage(http=Counts(requests=10**9), tcp=Counts(rule_evaluations=10**9))) == 0


def test_a_unit_is_told_to_a_millionth() -> None:
    assert capacity_units(Usage(http=Counts(new_connections=1))) == Decimal("0.000011")


@given(USAGE, USAGE)
def test_an_hour_split_in_two_never_takes_less_than_both_together(one: Usage, other: Usage) -> None:
    """What comes late, and so falls into the next hour, is never billed above what it was."""
    rounding = Decimal("0.000006")
    assert capacity_units(one + other) <= capacity_units(one) + capacity_units(other) + rounding
    assert capacity_units(one + other) >= capacity_units(one)
