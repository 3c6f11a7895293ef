"""What one proxy carries: quantities as Kubernetes writes them, and costs that add up."""

import math
import re
from pathlib import Path

import pytest
from elbow_api import proxy_capacity
from elbow_api.proxy import Proxy, amount
from elbow_api.proxy_capacity import (
    CONNECTION,
    HANDSHAKE,
    REQUEST,
    TLS_REQUEST,
    USED,
    Load,
    capacity_of,
    most_connections,
    per_zone,
)

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| `?([A-Z_]+)`? \| [^|]+ \| ([0-9.]+) (µs|ns) \|", re.MULTILINE)


@pytest.mark.parametrize("file", ["bench/results/2026-11-25-capacity.md", "docs/capacity.md"])
def test_the_figures_are_those_that_were_measured_and_those_that_are_told(file: str) -> None:
    found = ROW.findall((ROOT / file).read_text())

    assert len(found) == 6
    for name, figure, unit in found:
        seconds = float(figure) * {"µs": 1e-6, "ns": 1e-9}[unit]
        assert math.isclose(getattr(proxy_capacity, name), seconds, rel_tol=0.02), name


@pytest.mark.parametrize(
    ("quantity", "number"),
    [
        (2, 2),
        ("2", 2),
        ("500m", 0.5),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000),
        ("1E3", 1000),
        ("2E-3", 0.002),
        ("3E", 3e18),
        ("1k", 1000),
        ("1M", 1e6),
        ("1Ki", 1024),
        ("256Mi", 2**28),
        ("1.5Gi", 1.5 * 2**30),
        ("5u", 5e-6),
        ("5n", 5e-9),
    ],
)
def test_a_quantity_is_a_number(quantity: int | str, number: float) -> None:
    assert math.isclose(amount(quantity), number)


def given(**resources: dict[str, str | int]) -> Proxy:
    return Proxy.model_validate({"resources": resources})


def test_a_proxy_has_what_it_requests_else_its_limit_else_the_default() -> None:
    assert capacity_of(Proxy()).cores == 0.25
    assert capacity_of(given(requests={"cpu": 1}, limits={"cpu": 4})).cores == 1
    assert capacity_of(given(limits={"cpu": "2"})).cores == 2
    assert capacity_of(given(limits={"memory": "1Gi"})).cores == 0.25


def test_its_connections_come_from_its_memory_limit() -> None:
    assert capacity_of(Proxy()).open == most_connections(256) == 2007
    assert capacity_of(given(requests={"memory": "256Mi"}, limits={"memory": "1Gi"})).open == most_connections(1024)
    assert (most_connections(0), most_connections(10**6)) == (100, 100_000)


def test_a_load_takes_the_cpu_its_parts_take() -> None:
    load = Load(requests=1000, connections=100, tls=0.25)

    assert math.isclose(load.cores, 750 * REQUEST + 250 * TLS_REQUEST + 100 * CONNECTION + 25 * HANDSHAKE)


def test_a_proxy_is_filled_to_what_the_autoscaler_aims_for() -> None:
    proxy = capacity_of(given(requests={"cpu": 1}))
    most = USED / REQUEST

    assert proxy.needed([Load(requests=most)]) == 1
    assert proxy.needed([Load(requests=most * 1.01)]) == 2
    assert proxy.needed([Load(requests=most), Load(requests=most)]) == 2
    assert proxy.needed([]) == 0


def test_open_connections_take_memory() -> None:
    assert capacity_of(Proxy()).needed([Load(open=2007 * 3)]) == 3


def test_one_zone_more_than_carries_the_load() -> None:
    whole = Load(requests=900, connections=90, bytes=9, tls=0.5, open=30)

    assert per_zone(whole, 1) == per_zone(whole, 2) == whole
    assert per_zone(whole, 4) == Load(300, 30, 3, 0.5, 10)
