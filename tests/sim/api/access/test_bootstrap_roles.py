"""The roles that every API server begins with: a binding to one of them grants what it grants there."""

from __future__ import annotations

import json

import pytest

from tests.sim.api.apiserver import Bare

RBAC = "/apis/rbac.authorization.k8s.io/v1"
ACCOUNT = "system:serviceaccount:default:ci"


@pytest.fixture
def bare() -> Bare:
    return Bare()


def may(bare: Bare, verb: str, resource: str, namespace: str = "", group: str = "") -> bool:
    asked = {"verb": verb, "resource": resource, "namespace": namespace, "group": group}
    spec = {"user": ACCOUNT, "groups": ["system:authenticated"], "resourceAttributes": asked}
    response = bare.ask("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {"spec": spec})
    return bool(json.loads(response.body)["status"]["allowed"])


def bind(bare: Bare, role: str, namespace: str = "", lives_in: str = "default") -> None:
    """Everywhere, or in a namespace."""
    path = f"{RBAC}/namespaces/{namespace}/rolebindings" if namespace else f"{RBAC}/clusterrolebindings"
    place = {"namespace": lives_in} if lives_in else {}
    body = {
        "metadata": {"name": f"ci-{role}"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": "ci", **place}],
    }
    assert bare.ask("POST", path, body).status == 201


def test_there_are_as_many_as_in_a_real_one(bare: Bare) -> None:
    found = {kind: len(bare.get(f"{RBAC}/{kind}")["items"]) for kind in ("clusterroles", "clusterrolebindings")}
    assert found == {"clusterroles": 69, "clusterrolebindings": 50}
    assert [each["metadata"]["name"] for each in bare.get("/apis/scheduling.k8s.io/v1/priorityclasses")["items"]] == [
        "system-cluster-critical",
        "system-node-critical",
    ]


def test_who_is_bound_to_cluster_admin_may_do_everything(bare: Bare) -> None:
    assert not may(bare, "delete", "nodes")
    bind(bare, "cluster-admin")
    assert may(bare, "delete", "nodes")


def test_who_is_bound_to_view_in_a_namespace_may_look_there_and_nowhere_else(bare: Bare) -> None:
    bind(bare, "view", "default")
    assert may(bare, "list", "pods", "default")
    assert not may(bare, "list", "pods", "kube-system")
    assert not may(bare, "delete", "pods", "default")
    assert not may(bare, "get", "secrets", "default")


def test_a_role_that_is_added_to_the_ones_that_gather_counts_through_all_of_them(bare: Bare) -> None:
    labels = {"rbac.authorization.k8s.io/aggregate-to-edit": "true"}
    rules = [{"apiGroups": ["example.com"], "resources": ["things"], "verbs": ["create"]}]
    bare.ask("POST", f"{RBAC}/clusterroles", {"metadata": {"name": "things", "labels": labels}, "rules": rules})
    bind(bare, "admin", "default")  # admin gathers edit, which gathers things
    assert may(bare, "create", "things", "default", "example.com")


def test_an_account_of_a_bindings_own_namespace_needs_no_namespace(bare: Bare) -> None:
    bind(bare, "view", "default", lives_in="")
    assert may(bare, "list", "pods", "default")


def test_for_the_whole_cluster_an_account_must_say_where_it_lives(bare: Bare) -> None:
    body = {
        "metadata": {"name": "x"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "ServiceAccount", "name": "ci"}],
    }
    response = bare.ask("POST", f"{RBAC}/clusterrolebindings", body)
    assert response.status == 422
    assert "subjects[0].namespace: Required value" in json.loads(response.body)["message"]
