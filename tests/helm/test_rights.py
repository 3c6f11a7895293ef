"""docs/rbac.md and the chart say the same; so do it and what a LoadBalancer's agents get."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness.chart import of_kind, rendered
from harness.programs import documents

_ROOT = Path(__file__).parents[2]
Rights = set[tuple[str, str, str]]


def told(title: str) -> Rights:
    """(group, resource, verb) of a table of the page; a resource's remark in brackets is for people."""
    page = (_ROOT / "docs" / "rbac.md").read_text()
    (section,) = [part for part in page.split("\n## ")[1:] if part.startswith(f"{title}\n")]
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in section.splitlines() if row[:1] == "|"]
    assert all(len(row) == 4 and row[3] for row in rows), "each right has its reason"
    return {
        ("" if group == "core" else group, re.sub(r" \(.*\)", "", resource), verb)
        for group, resources, verbs, _ in rows[2:]
        for resource in resources.split(", ")
        for verb in verbs.split(", ")
    }


def given(roles: list[dict[str, Any]]) -> Rights:
    return {
        (group, resource, verb)
        for role in roles
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


_NODES, _BALANCERS = "The operator, in the whole cluster", "The operator, where LoadBalancers are"
_DNS, _OWN = "The operator, with externalDns.enabled", "The operator, in its own namespace"


@pytest.mark.cluster
def test_the_operator_has_the_rights_the_page_tells() -> None:
    found = rendered()
    assert given(of_kind(found, "ClusterRole")) == told(_NODES) | told(_BALANCERS)
    assert given(of_kind(found, "Role")) == told(_OWN)
    assert given(of_kind(rendered("externalDns.enabled=true"), "ClusterRole")) == (
        told(_NODES) | told(_BALANCERS) | told(_DNS)
    )


@pytest.mark.cluster
def test_held_to_namespaces_it_has_the_same_rights_there_and_sees_nodes_elsewhere() -> None:
    found = rendered('watchNamespaces=["shop","bank"]')
    assert given(of_kind(found, "ClusterRole")) == told(_NODES)
    roles = {role["metadata"]["namespace"]: given([role]) for role in of_kind(found, "Role")}
    assert roles == {"shop": told(_BALANCERS), "bank": told(_BALANCERS), "elbow-system": told(_OWN)}


def test_agents_have_the_rights_the_page_tells() -> None:
    golden = (_ROOT / "tests" / "operator" / "golden" / "full.objects.yaml").read_text()
    assert given(of_kind(documents(golden), "Role")) == told("The agent of a proxy")


def test_the_operator_may_grant_what_agents_get() -> None:
    assert told("The agent of a proxy") <= told(_BALANCERS)


def test_rules_of_the_same_thing_stand_together() -> None:
    """A right is given once."""
    text = (_ROOT / "helm" / "elbow" / "templates" / "_rules.tpl").read_text()
    rules = yaml.safe_load("\n".join(line for line in text.splitlines() if not line.startswith("{{")))
    listed = [(g, r, v) for rule in rules for g in rule["apiGroups"] for r in rule["resources"] for v in rule["verbs"]]
    assert len(listed) == len(set(listed))
