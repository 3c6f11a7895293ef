"""Usage is kept in the cluster, exact over restarts of everything."""

import asyncio
from datetime import timedelta
from typing import Any

from usage.fake_store import LIST
from usage.metered import BEGIN, HOUR, LB, SECOND, Cluster, report


async def test_what_was_counted_is_written_within_seconds_and_only_once() -> None:
    cluster = Cluster()
    cluster.meter.lives(LB, "u1")
    cluster.counted(5)
    await cluster.later(20 * SECOND)
    assert cluster.billed() == 5
    writes = cluster.store.writes
    await cluster.later(HOUR / 10)
    assert cluster.store.writes == writes


async def test_an_idle_load_balancer_is_written_once_and_never_again() -> None:
    cluster = Cluster()
    cluster.meter.lives(LB, "u1")
    for _ in range(48):
        await cluster.later(HOUR)
    assert cluster.store.writes == 1
    assert cluster.meter.status(LB) == {
        "since": "2026-11-30T22:30:00Z",
        "hours": 49,
        "requests": 0,
        "newConnections": 0,
        "processedBytes": 0,
        "capacityUnits": "0",
    }


async def test_hours_that_are_over_go_into_their_months() -> None:
    cluster = Cluster()
    cluster.meter.lives(LB, "u1")
    for hour in range(4):
        cluster.counted(10 * (hour + 1))
        await cluster.later(HOUR)
    assert cluster.store.names() == ["elbow-usage-web", "elbow-usage-web.2026-11", "elbow-usage-web.2026-12"]
    assert list(cluster.store.data("elbow-usage-web.2026-11")) == ["2026-11-30T22", "2026-11-30T23"]
    assert list(cluster.store.data("elbow-usage-web.2026-12")) == ["2026-12-01T00", "2026-12-01T01"]
    assert cluster.ledger().hours == {}
    assert cluster.turned == [LB] * 4
    told: Any = cluster.meter.status(LB)
    assert (told["requests"], told["processedBytes"], told["hours"]) == (40, 40_000, 5)


async def test_the_status_tells_whole_hours() -> None:
    cluster = Cluster()
    cluster.meter.lives(LB, "u1")
    cluster.counted(5)
    told: Any = cluster.meter.status(LB)
    assert told["requests"] == 0
    await cluster.later(HOUR)
    told = cluster.meter.status(LB)
    assert told["requests"] == 5


async def test_a_deleted_load_balancer_is_billed_to_its_last_proxys_end_and_then_only_its_months_are_left() -> None:
    cluster = Cluster()
    cluster.meter.lives(LB, "u1")
    cluster.counted(5)
    await cluster.later(30 * SECOND)
    cluster.meter.gone(LB)
    cluster.counted(7)
    await cluster.later(30 * SECOND)
    cluster.pods.clear()
    assert cluster.meter.status(LB) is None
    await cluster.later(2 * HOUR)
    assert cluster.store.names() == ["elbow-usage-web.2026-11"]
    assert cluster.billed() == 7
    assert '"until":"2026-11-30T22:30:30Z"' in cluster.store.data("elbow-usage-web.2026-11")["lived.u1"]


async def test_one_made_anew_under_the_same_name_is_billed_apart() -> None:
    cluster = Cluster()
    cluster.meter.lives(LB, "u1")
    cluster.counted(5)
    await cluster.later(30 * SECOND)
    cluster.meter.gone(LB)
    cluster.meter.lives(LB, "u2")
    cluster.counted(3, "s2", "other")
    await cluster.later(HOUR)
    assert cluster.billed() == 8
    assert "lived.u1" in cluster.store.data("elbow-usage-web.2026-11")
    assert list(cluster.ledger().lifetimes) == ["u2"]


async def test_one_deleted_while_nobody_led_is_billed_until_the_last_sign_of_it() -> None:
    cluster = Cluster()
    cluster.meter.lives(LB, "u1")
    cluster.counted(5)
    await cluster.later(30 * SECOND)
    cluster.pods.clear()
    led = cluster.now
    cluster.now += 5 * HOUR
    cluster.meter = cluster.another()
    await cluster.meter.load([LIST], led)
    await cluster.later(3 * timedelta(minutes=1))
    assert f'"until":"{led:%Y-%m-%dT%H:%M:%SZ}"' in cluster.store.data("elbow-usage-web.2026-11")["lived.u1"]


async def test_another_operator_goes_on_where_the_last_one_wrote() -> None:
    cluster = Cluster()
    cluster.meter.lives(LB, "u1")
    cluster.counted(5)
    await cluster.later(30 * SECOND)
    cluster.counted(8)  # not written
    await cluster.lead()
    cluster.meter.lives(LB, "u1")
    cluster.counted(9)
    await cluster.later(30 * SECOND)
    assert cluster.billed() == 9


async def test_an_operator_that_ends_writes_what_is_left() -> None:
    cluster = Cluster()
    cluster.meter.lives(LB, "u1")
    running = asyncio.create_task(cluster.meter.run())
    await asyncio.sleep(0)
    cluster.counted(5)
    running.cancel()
    await asyncio.wait({running})
    assert cluster.billed() == 5


async def test_of_two_that_think_they_lead_neither_counts_twice() -> None:
    cluster = Cluster()
    cluster.meter.lives(LB, "u1")
    cluster.counted(5)
    await cluster.later(30 * SECOND)
    old = cluster.meter
    await cluster.lead()
    cluster.meter.lives(LB, "u1")
    for requests in (8, 12):
        for meter in (old, cluster.meter):
            meter.counted(("shop", "pod"), LB, report("s1", requests, BEGIN))
            cluster.now += HOUR
            for _ in range(4):
                await meter.write()
    cluster.now += HOUR
    for meter in (old, cluster.meter) * 3:
        await meter.write()
        cluster.now += 20 * SECOND
    assert cluster.billed() == 12


async def test_a_write_whose_answer_is_lost_is_not_repeated_on_top() -> None:
    cluster = Cluster()
    cluster.meter.lives(LB, "u1")
    cluster.counted(5)
    cluster.store.breaks = 1
    await cluster.later(20 * SECOND)
    cluster.counted(7)
    await cluster.later(20 * SECOND)
    await cluster.later(20 * SECOND)
    assert cluster.billed() == 7


async def test_a_ledger_somebody_deletes_comes_back() -> None:
    cluster = Cluster()
    cluster.meter.lives(LB, "u1")
    cluster.counted(5)
    await cluster.later(20 * SECOND)
    cluster.store.objects.clear()
    cluster.counted(7)
    await cluster.later(20 * SECOND)
    assert cluster.billed() == 7


async def test_months_are_kept_for_a_year_and_a_month() -> None:
    cluster = Cluster()
    for month in ("2025-09", "2025-10", "2025-11"):
        name = {"name": f"elbow-usage-web.{month}", "namespace": "shop"}
        labels = {"labels": {"elbow.dev/usage": month}, "annotations": {"elbow.dev/usage-of": "web"}}
        await cluster.store.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": name | labels, "data": {}})
    await cluster.meter.load([LIST], None)
    await cluster.later(SECOND)
    assert cluster.store.names() == ["elbow-usage-web.2025-10", "elbow-usage-web.2025-11"]
