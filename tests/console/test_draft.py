"""What is said of a load balancer that is being written: values in, values out."""

import pytest
import yaml
from elbow_console.view import draft

GOOD = """\
apiVersion: elbow.dev/v1alpha1
kind: LoadBalancer
metadata: {name: web}
spec:
  listeners:
  - {name: http, protocol: HTTP, port: 80, targetGroup: web}
  targetGroups:
  - name: web
    protocol: HTTP
    targets: {service: {name: web, port: 80}}
    stickiness:
      type: lb_cookie
"""


def test_a_good_one_has_no_fault_and_gets_the_namespace_it_is_written_in() -> None:
    found = draft.of_text(GOOD, "shop")
    assert found.plain() == {"yaml": GOOD, "faults": []}
    assert draft.key_of(found.document) == ("shop", "web")


def test_a_namespace_that_is_named_stays() -> None:
    assert draft.key_of(
        draft.of_text(GOOD.replace("{name: web}\nspec", "{name: web, namespace: other}\nspec"), "shop").document
    ) == ("other", "web")


@pytest.mark.parametrize(
    ("old", "new", "field", "line"),
    [
        ("port: 80, targetGroup", "port: 0, targetGroup", "spec.listeners[0].port", 6),
        ("type: lb_cookie", "type: cookie", "spec.targetGroups[0].stickiness.type", 12),
        ("    protocol: HTTP\n", "", "spec.targetGroups[0].protocol", 8),
        ("type: lb_cookie", "type: app_cookie", "spec.targetGroups[0].stickiness.cookieName", 11),
        ("kind: LoadBalancer", "kind: Service", "kind", 2),
    ],
)
def test_a_fault_names_its_field_and_its_line(old: str, new: str, field: str, line: int) -> None:
    (fault,) = draft.of_text(GOOD.replace(old, new), "shop").plain()["faults"]
    assert (fault["field"], fault["line"]) == (field, line)
    assert fault["message"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: [1", 1),
        ("a: 1\nb: 2: 3", 2),
        ("a: 1\n\tb: 2", 2),
        ("- 1", 1),
        ("", 1),
        ("a: &x [*x]", 1),
        ("a: !!python/none", 1),
        ("\x00", 1),
        ("a: 2026-99-99", 1),
    ],
)
def test_what_is_no_document_is_a_fault_and_no_more(text: str, line: int) -> None:
    faults = draft.of_text(text, "shop").plain()["faults"]
    assert faults
    assert faults[0]["line"] == line


def test_what_a_form_holds_becomes_yaml_in_the_order_people_write() -> None:
    document = {
        "spec": {"listeners": []},
        "metadata": {"name": "web"},
        "kind": "LoadBalancer",
        "apiVersion": "elbow.dev/v1alpha1",
    }
    found = draft.of_document(document, "shop")
    assert list(yaml.safe_load(found.text)) == ["apiVersion", "kind", "metadata", "spec"]
    assert {fault.field for fault in found.faults} == {"spec.listeners", "spec.targetGroups"}


def test_what_is_edited_leaves_out_what_the_api_server_writes() -> None:
    found = {**yaml.safe_load(GOOD), "status": {"x": 1}}
    found["metadata"] |= {
        "uid": "1",
        "resourceVersion": "7",
        "managedFields": [],
        "generation": 3,
        "labels": {"team": "a"},
    }
    edited = draft.editable(found)
    assert edited["metadata"] == {"name": "web", "labels": {"team": "a"}}
    assert set(edited) == {"apiVersion", "kind", "metadata", "spec"}


def test_who_writes_the_spec_is_known_and_who_writes_the_status_does_not_matter() -> None:
    fields = [
        {"manager": "argocd", "fieldsV1": {"f:spec": {}}},
        {"manager": "elbow-status", "fieldsV1": {"f:status": {}}},
    ]
    assert draft.managers({"metadata": {"managedFields": fields}}) == ["argocd"]


def test_a_field_that_is_written_twice_is_a_fault_and_not_silently_the_last_one() -> None:
    faults = draft.of_text(GOOD + "    failOpen: true\n    failOpen: false\n", "shop").plain()["faults"]
    assert [(fault["field"], fault["line"]) for fault in faults] == [("spec.targetGroups[0].failOpen", 13)]


def test_yaml_that_multiplies_itself_is_read_once() -> None:
    bomb = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 20))
    assert draft.of_text(bomb, "shop").plain()["faults"]
