from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sim.api.apiserver import CONFIGMAPS, Bare

RBAC = "/apis/rbac.authorization.k8s.io/v1"
ACCOUNT = "system:serviceaccount:default:robot"


class Cluster(Bare):
    """With a ServiceAccount `robot`, and short ways to give it rights."""

    def __init__(self) -> None:
        super().__init__()
        self.token = self.server.keys.service_account_token("default", "robot")

    def grant(self, name: str, *rules: dict[str, Any], namespace: str = "", **role: Any) -> None:
        kind, plural = ("Role", "roles") if namespace else ("ClusterRole", "clusterroles")
        where = f"{RBAC}/namespaces/{namespace}" if namespace else RBAC
        made = self.ask("POST", f"{where}/{plural}", {"metadata": {"name": name}, "rules": list(rules), **role})
        assert made.status == 201, made.body
        bound = self.ask(
            "POST",
            f"{where}/{kind.lower()}bindings",
            {
                "metadata": {"name": name},
                "subjects": [{"kind": "ServiceAccount", "name": "robot", "namespace": "default"}],
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name},
            },
        )
        assert bound.status == 201, bound.body

    def status(self, method: str, path: str, body: Any = None, **query: Any) -> int:
        return self.ask(method, path, body, token=self.token, **query).status


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def rule(verbs: str, resources: str, group: str = "", **more: Any) -> dict[str, Any]:
    return {"apiGroups": [group], "resources": resources.split(), "verbs": verbs.split(), **more}


def test_nobody_may_do_anything_unasked(cluster: Cluster) -> None:
    response = cluster.ask("GET", CONFIGMAPS, token=cluster.token)

    assert response.status == 403
    assert json.loads(response.body)["message"] == (
        f'configmaps is forbidden: User "{ACCOUNT}" cannot list resource "configmaps" in API group "" '
        'in the namespace "default"'
    )


def test_a_role_counts_only_in_its_namespace(cluster: Cluster) -> None:
    cluster.grant("reader", rule("get list", "configmaps"), namespace="default")

    assert cluster.status("GET", CONFIGMAPS) == 200
    assert cluster.status("GET", "/api/v1/namespaces/kube-system/configmaps") == 403
    assert cluster.status("GET", "/api/v1/configmaps") == 403
    assert cluster.status("DELETE", f"{CONFIGMAPS}/a") == 403


def test_a_cluster_role_counts_everywhere(cluster: Cluster) -> None:
    cluster.grant("reader", rule("list watch", "configmaps"))

    assert cluster.status("GET", "/api/v1/configmaps") == 200
    assert cluster.status("GET", "/api/v1/configmaps", watch="1") == 200


def test_a_right_to_an_object_is_none_to_its_status(cluster: Cluster) -> None:
    cluster.grant("writer", rule("patch get", "pods"))
    cluster.pod("p")

    assert cluster.ask("PATCH", "/api/v1/namespaces/default/pods/p", {}, token=cluster.token).status == 415
    assert cluster.ask("PATCH", "/api/v1/namespaces/default/pods/p/status", {}, token=cluster.token).status == 403


def test_a_name_limits_a_right_to_one_object(cluster: Cluster) -> None:
    cluster.grant("one", rule("get", "configmaps", resourceNames=["a"]))
    cluster.configmap("a")
    cluster.configmap("b")

    assert cluster.status("GET", f"{CONFIGMAPS}/a") == 200
    assert cluster.status("GET", f"{CONFIGMAPS}/b") == 403


def test_stars_mean_all(cluster: Cluster) -> None:
    cluster.grant("all", {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]})

    assert cluster.status("GET", "/apis/apps/v1/daemonsets") == 200
    assert cluster.status("DELETE", f"{CONFIGMAPS}/none") == 404


def test_a_right_is_lost_with_its_binding(cluster: Cluster) -> None:
    cluster.grant("reader", rule("list", "configmaps"))
    assert cluster.status("GET", CONFIGMAPS) == 200

    cluster.ask("DELETE", f"{RBAC}/clusterrolebindings/reader")

    assert cluster.status("GET", CONFIGMAPS) == 403


def test_an_aggregated_role_is_the_sum_of_those_it_selects(cluster: Cluster) -> None:
    parts = {"metadata": {"name": "part", "labels": {"into": "sum"}}, "rules": [rule("list", "configmaps")]}
    cluster.ask("POST", f"{RBAC}/clusterroles", parts)

    cluster.grant("sum", aggregationRule={"clusterRoleSelectors": [{"matchLabels": {"into": "sum"}}]})

    assert cluster.status("GET", CONFIGMAPS) == 200


def test_everyone_known_may_look_around_and_ask_about_himself(cluster: Cluster) -> None:
    review = {"spec": {"resourceAttributes": {"verb": "list", "resource": "pods"}}}

    assert cluster.status("GET", "/apis") == 200
    assert cluster.status("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review) == 201
    assert cluster.status("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review) == 403


def test_the_clusters_own_parts_may_do_everything(cluster: Cluster) -> None:
    assert cluster.ask("GET", "/api/v1/secrets", token="system:node:n1").status == 200
    assert cluster.ask("GET", "/api/v1/secrets", token="stranger").status == 401


def test_who_may_do_everything_is_told_so() -> None:
    path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"

    review = json.loads(Bare().ask("POST", path, {"spec": {"namespace": "default"}}).body)

    assert review["status"]["resourceRules"][0] == {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
    assert review["status"]["nonResourceRules"][0] == {"verbs": ["*"], "nonResourceURLs": ["*"]}


def test_everyone_known_is_told_what_everyone_may(cluster: Cluster) -> None:
    path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"

    review = json.loads(cluster.ask("POST", path, {"spec": {"namespace": "default"}}, token=cluster.token).body)

    resources = {name for rule in review["status"]["resourceRules"] for name in rule["resources"]}
    paths = {name for rule in review["status"]["nonResourceRules"] for name in rule["nonResourceURLs"]}
    assert resources == {"selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews"}
    assert {"/apis", "/apis/*", "/healthz", "/openid/v1/jwks"} < paths


@pytest.mark.parametrize(
    ("group", "path", "role"),
    [
        ("system:authenticated", "/apis", "system:discovery"),
        ("system:unauthenticated", "/version", "system:public-info-viewer"),
        ("system:unauthenticated", "/apis", ""),
    ],
)
def test_the_reason_names_the_role_the_server_made(cluster: Cluster, group: str, path: str, role: str) -> None:
    spec = {"user": "bob", "groups": [group], "nonResourceAttributes": {"path": path, "verb": "get"}}

    review = json.loads(cluster.ask("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {"spec": spec}).body)

    why = f'RBAC: allowed by ClusterRoleBinding "{role}" of ClusterRole "{role}" to Group "{group}"'
    assert review["status"] == ({"allowed": True, "reason": why} if role else {"allowed": False})
