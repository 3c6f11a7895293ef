"""Who may lead: a Lease is judged by when it was last seen to change, by one's own clock."""

from datetime import UTC, datetime
from typing import Any, cast

from elbow_kube.client import Client
from elbow_operator.lease import DURATION, RENEW, Leadership, may_take

ME, OTHER = "me", "other"


def lease(holder: str, renewed: str = "2026-01-01T00:00:00.000000Z") -> dict[str, object]:
    return {"spec": {"holderIdentity": holder, "renewTime": renewed}}


def test_a_lease_nobody_holds_is_taken() -> None:
    assert may_take({"metadata": {}}, None, ME, 0)[0]
    assert may_take(lease(""), None, ME, 0)[0]


def test_ones_own_is_renewed() -> None:
    assert may_take(lease(ME), None, ME, 0)[0]


def test_anothers_is_left_alone_however_old_it_says_it_is() -> None:
    assert not may_take(lease(OTHER, "1999-01-01T00:00:00.000000Z"), None, ME, 0)[0]


def test_one_that_changes_is_held() -> None:
    seen = None
    for second in range(0, 60, 2):
        free, seen = may_take(lease(OTHER, f"2026-01-01T00:00:{second:02}.000000Z"), seen, ME, float(second))
        assert not free


def test_one_that_stopped_changing_is_taken_within_15_seconds() -> None:
    _, seen = may_take(lease(OTHER), None, ME, 100.0)
    assert not may_take(lease(OTHER), seen, ME, 100.0 + DURATION - 1)[0]
    assert may_take(lease(OTHER), seen, ME, 100.0 + DURATION)[0]
    assert DURATION + RENEW < 15


class Leases:
    """The one Lease there is."""

    def __init__(self, lease: dict[str, Any]) -> None:
        self.lease = lease

    async def get(self, _: str) -> dict[str, Any]:
        return self.lease

    async def replace(self, lease: dict[str, Any]) -> None:
        self.lease = lease


async def test_who_leads_knows_when_the_one_before_last_did() -> None:
    leases = Leases(lease("", "2026-01-01T00:00:07.000000Z"))
    leadership = Leadership(cast("Client", leases), "elbow-system", ME)

    async def work() -> None:
        leases.lease = {**leases.lease, "metadata": {}}

    await leadership.lead(work)
    assert leadership.led_before == datetime(2026, 1, 1, 0, 0, 7, tzinfo=UTC)
    assert leases.lease["spec"]["renewTime"] > "2026-01-01T00:00:07"
