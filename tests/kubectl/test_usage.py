"""usage: what each load balancer used in a time, and the bill, to the last digit."""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from elbow_api.ledger import LABEL, OF, Ledger, Lifetime, Stream, month_name, open_name
from elbow_api.usage import Counts, Usage
from harness.fake_cluster import FakeCluster

from kubectl.conftest import Elb

OCTOBER = ("--from", "2026-10", "--to", "2026-11")
PRICES = str(Path(__file__).parents[2] / "examples" / "prices.yaml")


def time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def put(cluster: FakeCluster, namespace: str, name: str, label: str, of: str, data: dict[str, str]) -> None:
    metadata = {"name": name, "namespace": namespace, "labels": {LABEL: label}, "annotations": {OF: of}}
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
    for path in ("/api/v1/configmaps", f"/api/v1/namespaces/{namespace}/configmaps"):
        cluster.put(path, document)


def month(cluster: FakeCluster, namespace: str, of: str, name: str, data: dict[str, Any]) -> None:
    texts = {key: value.model_dump_json(by_alias=True, exclude_defaults=True) for key, value in data.items()}
    put(cluster, namespace, month_name(of, name), name, of, texts)


def web(requests: int, connections: int, gigabytes: float, seconds: int = 0) -> Counts:
    return Counts(
        requests=requests,
        new_connections=connections,
        processed_bytes=int(gigabytes * 10**9),
        connection_seconds=seconds,
    )


@pytest.fixture(autouse=True)
def used(cluster: FakeCluster) -> None:
    """October, and what of November is still open, of three load balancers, one of which is gone."""
    month(
        cluster,
        "shop",
        "web",
        "2026-10",
        {
            "2026-10-01T00": Usage(http=web(9000, 90_000, 2.5)),  # 2.5 LCU of bytes, 1 of connections
            "2026-10-31T23": Usage(http=web(1000, 900_000, 1), tls=web(0, 180_000, 0.25)),  # 10 LCU and 1 NLCU
        },
    )
    ledger = Ledger(
        began=time("2026-09-15T10:30:00"),
        hour="2026-11-01T00",
        lifetimes={"u1": Lifetime(since=time("2026-09-15T10:30:00"))},
        streams={"pod/s": Stream(heard=time("2026-11-01T00:10:00"))},
        hours={"2026-10-31T23": Usage(http=web(1, 1, 0)), "2026-11-01T00": Usage(http=web(7, 7, 0.5))},
    )
    ledger = ledger.model_copy(
        update={
            "hours": {**ledger.hours, "2026-10-31T23": Usage(http=web(1000, 900_000, 1), tls=web(0, 180_000, 0.25))}
        }
    )
    text = ledger.model_dump_json(by_alias=True, exclude_defaults=True)
    put(cluster, "shop", open_name("web"), "open", "web", {"ledger": text})
    month(
        cluster,
        "shop",
        "sale",
        "2026-10",
        {
            "2026-10-10T12": Usage(http=web(500, 500, 0.1)),
            "lived.u2": Lifetime(since=time("2026-10-10T11:59:59"), until=time("2026-10-10T13:00:01")),
            "lived.u3": Lifetime(since=time("2026-10-10T13:20:00"), until=time("2026-10-10T13:21:00")),
        },
    )
    month(
        cluster,
        "payments",
        "ledger",
        "2026-10",
        {
            "2026-10-05T08": Usage(tcp=web(0, 2_880_000, 0)),
            "lived.u4": Lifetime(since=time("2026-10-05T00:00:00"), until=time("2026-10-06T00:00:00")),
        },
    )


def test_the_bill_of_a_month(elb: Elb) -> None:
    said = elb("usage", "-A", *OCTOBER, "--price-file", PRICES)
    assert said.err == ""
    assert said.out.splitlines() == [
        "NAMESPACE  NAME    HOURS  REQUESTS  CONNECTIONS     GB  LCU HOURS  FOR HOURS  FOR LCUS  FOR GB  TOTAL CROWN",
        "payments   ledger     25         0      2880000  0.000      1.000       0.56      0.01    0.00         0.57",
        "shop       sale        4       500          500  0.100      0.100       0.09      0.00    0.00         0.09",
        "shop       web       744     10000      1170000  3.750     13.500      16.74      0.11    0.00        16.85",
        "shop       (all)     748     10500      1170500  3.850     13.600      16.83      0.11    0.00        16.94",
        "(all)      (all)     773     10500      4050500  3.850     14.600      17.39      0.11    0.00        17.51",
    ]


def test_usage_without_prices_is_without_amounts_and_of_one_namespace(elb: Elb) -> None:
    assert elb("usage", *OCTOBER).out.splitlines() == [
        "NAMESPACE  NAME   HOURS  REQUESTS  CONNECTIONS     GB  LCU HOURS",
        "shop       sale       4       500          500  0.100      0.100",
        "shop       web      744     10000      1170000  3.750     13.500",
        "shop       (all)    748     10500      1170500  3.850     13.600",
    ]


def test_a_time_is_cut_at_its_hours(elb: Elb) -> None:
    day = elb("usage", "--from", "2026-10-10", "--to", "2026-10-10T13")
    assert [row[:4] for row in day.rows] == [
        ["shop", "sale", "2", "500"],
        ["shop", "web", "13", "0"],
        ["shop", "(all)", "15", "500"],
    ]
    assert elb("usage", "web", "--from", "2026-09-15T11", "--to", "2026-09-15T12").rows == [
        ["shop", "web", "1", "0", "0", "0.000", "0.000"]
    ]


def test_what_is_still_counted_is_in_it(elb: Elb) -> None:
    (row,) = elb("usage", "web", "--from", "2026-11-01T00", "--to", "2026-11-01T01").rows
    assert row == ["shop", "web", "1", "7", "7", "0.500", "0.500"]


def test_csv_has_a_line_for_each_load_balancer_and_every_digit(elb: Elb) -> None:
    rows = list(csv.DictReader(io.StringIO(elb("usage", "-A", *OCTOBER, "--price-file", PRICES, "-o", "csv").out)))
    assert [row["name"] for row in rows] == ["ledger", "sale", "web"]
    assert rows[2] == {
        "namespace": "shop",
        "name": "web",
        "hours": "744",
        "requests": "10000",
        "newConnections": "1170000",
        "processedBytes": "3750000000",
        "capacityUnitHours": "13.5",
        "costOfHours": "16.74",
        "costOfCapacityUnits": "0.106",
        "costOfGigabytes": "0",
        "total": "16.846",
        "currency": "CROWN",
    }


def test_json_and_yaml_say_the_same_with_sums_of_namespaces(elb: Elb) -> None:
    asked = ("usage", "-A", *OCTOBER, "--price-file", PRICES)
    found = json.loads(elb(*asked, "-o", "json").out)
    assert yaml.safe_load(elb(*asked, "-o", "yaml").out) == found
    assert (found["from"], found["to"]) == ("2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z")
    assert [(one["namespace"], one["hours"], one["total"]) for one in found["namespaces"]] == [
        ("payments", 25, "0.5685"),
        ("shop", 748, "16.9368"),
    ]
    assert found["all"]["total"] == "17.5053"


def test_classic_is_billed_by_hours_and_gigabytes(elb: Elb, tmp_path: Path) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text("currency: CROWN\nloadBalancerHour: 0.025\ngigabyte: 0.008\n")
    found = json.loads(elb("usage", "web", *OCTOBER, "--price-file", str(file), "-o", "json").out)["all"]
    assert (found["costOfHours"], found["costOfGigabytes"], found["costOfCapacityUnits"]) == ("18.6", "0.03", "0")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("loadBalancerHour: 1", "currency: is missing"),
        ("{currency: CROWN, loadBalancerHour: -1}", "loadBalancerHour: -1 is below zero"),
        ("{currency: CROWN, loadBalancerHour: cheap}", "loadBalancerHour: 'cheap' is no amount; write a number"),
        ("{currency: CROWN, loadBalancerHour: .nan}", "loadBalancerHour: '.nan' is no amount"),
        ("{currency: CROWN, loadBalancerHour: NaN}", "loadBalancerHour: 'NaN' is no amount"),
        ("{currency: CROWN, loadBalancerHour: 1, lcu: 2}", "lcu: there is no such price"),
        ("{currency: C, loadBalancerHour: 1, capacityUnitHour: {udp: 2}}", "capacityUnitHour.udp: there is no such"),
        ("{currency: CROWN, loadBalancerHour: 1, loadBalancerHour: 2}", "loadBalancerHour is written twice"),
        ("[1]", "holds no prices"),
        ("{", "can't be read"),
    ],
)  # fmt: skip
def test_a_fault_in_the_prices_is_told_with_its_field(elb: Elb, tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text(text)
    found = elb("usage", "--price-file", str(file))
    assert found.code == 1
    assert said in found.err


def test_a_price_is_what_was_written_to_its_last_digit(elb: Elb, tmp_path: Path) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text("{currency: CROWN, loadBalancerHour: 0.100000000001}")
    found = json.loads(elb("usage", "web", *OCTOBER, "--price-file", str(file), "-o", "json").out)
    assert found["all"]["total"] == "74.400000000744"


def test_times_that_cant_be_meant_are_refused(elb: Elb) -> None:
    assert "no month, day or hour" in elb("usage", "--from", "2026-13").err
    assert "no month, day or hour" in elb("usage", "--to", "yesterday").err
    assert "is not before" in elb("usage", "--from", "2026-11", "--to", "2026-10").err


def test_a_name_nothing_is_kept_of_is_told(elb: Elb) -> None:
    found = elb("usage", "wbe")
    assert (found.code, "no usage of wbe is kept" in found.err) == (1, True)


def test_what_cant_be_read_is_left_out_and_told(elb: Elb, cluster: FakeCluster) -> None:
    put(cluster, "shop", "elbow-usage-x", "open", "x", {"ledger": "{"})
    found = elb("usage", *OCTOBER)
    assert "left out: shop/elbow-usage-x" in found.err
    assert len(found.rows) == 3


def test_nothing_used_is_said(elb: Elb) -> None:
    found = elb("usage", "--from", "2020", "--to", "2021-01")
    assert found.code == 2
    assert "nothing was used in that time" in elb("usage", "--from", "2020-01", "--to", "2021-01").err
