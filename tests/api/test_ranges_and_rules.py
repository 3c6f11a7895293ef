"""Every range and rule refuses with the field named and the way out; what is within is taken."""

import pytest
from elbow_api.load_balancer import parse

from api.documents import G, L, document, refusals
from api.refused import REFUSED
from api.taken import TAKEN


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_with_its_field_and_the_way_out(name: str) -> None:
    resource, field, words = REFUSED[name]

    said = refusals(resource)

    assert set(said) == {field}
    assert words in said[field]


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_within_is_taken(name: str) -> None:
    assert refusals(TAKEN[name]) == {}


def test_every_fault_is_found_at_once() -> None:
    resource = document({"port": 0, "name": "Web"}, {"slowStart": "1s", "targets": {"addresses": [{"ip": "x"}]}})

    assert set(refusals(resource)) == {
        f"{L}.port",
        f"{L}.name",
        f"{G}.slowStart",
        f"{G}.targets.addresses[0].ip",
        f"{G}.targets.addresses[0].port",
    }


def test_sources_are_kept_in_one_spelling() -> None:
    assert parse(document(allowedSources=["10.1.2.3/8"])).spec.allowed_sources == ["10.0.0.0/8"]


def test_a_resource_with_everything_reads_back_as_it_was() -> None:
    for resource in TAKEN.values():
        read = parse(resource)
        again = read.model_dump(mode="json", by_alias=True, exclude_none=True)
        assert parse(again) == read
