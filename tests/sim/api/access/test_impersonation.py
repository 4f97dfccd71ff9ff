"""Who may be taken for whom: RBAC decides, as on a real server (see spo/sim/api/access/impersonation.py)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from spo.sim.api.access.authn import AUTHENTICATED, User
from spo.sim.api.http import Request, Response
from tests.sim.api.apiserver import CONFIGMAPS, Bare

RBAC = "/apis/rbac.authorization.k8s.io/v1"
WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
AUTHENTICATION = "authentication.k8s.io"


class Cluster(Bare):
    """With a user `alice`, and short ways to give her rights and to let her speak for others."""

    def __init__(self) -> None:
        super().__init__()
        self.server.authenticator.know("alice-token", User("alice", (AUTHENTICATED,)))

    def grant(self, name: str, *rules: dict[str, Any], to: str = "alice") -> None:
        self.ask("POST", f"{RBAC}/clusterroles", {"metadata": {"name": name}, "rules": list(rules)})
        bound = {
            "metadata": {"name": name},
            "subjects": [{"kind": "User", "name": to}],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        }
        assert self.ask("POST", f"{RBAC}/clusterrolebindings", bound).status == 201

    def speak(self, method: str, path: str, token: str = "alice-token", **names: str) -> Response:
        headers = {f"Impersonate-{name.replace('_', '-')}": value for name, value in names.items()}
        body = b"{}" if method == "POST" else b""
        return self.server.handle(Request(method, path, (), {"Authorization": f"Bearer {token}", **headers}, body))

    def seen_as(self, token: str = "alice-token", **names: str) -> Any:
        answer = json.loads(self.speak("POST", WHO, token, **names).body)
        return answer["status"]["userInfo"] if "userInfo" in answer["status"] else answer["message"]


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def right(resources: str, names: str = "", group: str = "", verb: str = "impersonate") -> dict[str, Any]:
    rule = {"apiGroups": [group], "resources": resources.split(), "verbs": [verb]}
    return rule | ({"resourceNames": names.split()} if names else {})


def test_who_has_no_right_to_is_refused_in_the_words_of_the_first_way_that_was_tried(cluster: Cluster) -> None:
    refused = json.loads(cluster.speak("GET", CONFIGMAPS, User="bob").body)

    assert (refused["code"], refused["reason"], refused["details"]) == (403, "Forbidden", {"kind": "configmaps"})
    assert refused["message"] == (
        'configmaps is forbidden: User "alice" cannot impersonate-on:user-info:list resource "configmaps" in API group '
        '"" in the namespace "default"'
    )


def test_the_verb_impersonate_on_users_is_enough_for_all_that_the_other_may_do(cluster: Cluster) -> None:
    cluster.grant("speaker", right("users", "bob"))
    cluster.grant("reader", right("configmaps", verb="list"), to="bob")

    assert cluster.seen_as(User="bob") == {"username": "bob", "groups": [AUTHENTICATED]}
    assert cluster.speak("GET", CONFIGMAPS, User="bob").status == 200
    assert cluster.speak("GET", CONFIGMAPS).status == 403
    assert cluster.speak("GET", CONFIGMAPS, User="carol").status == 403


@pytest.mark.parametrize(
    ("names", "needed"),
    [
        ({"Group": "dev\nops"}, right("groups", "dev ops")),
        ({"Uid": "7"}, right("uids", "7", AUTHENTICATION)),
        ({"Extra_scopes": "view"}, right("userextras/scopes", "view", AUTHENTICATION)),
    ],
    ids=["groups", "uid", "extra"],
)
def test_groups_uid_and_extra_need_rights_of_their_own(
    cluster: Cluster, names: dict[str, str], needed: dict[str, Any]
) -> None:
    cluster.grant("speaker", right("users"))
    assert cluster.speak("POST", WHO, User="bob", **names).status == 403

    cluster.grant("more", needed)

    assert cluster.speak("POST", WHO, User="bob", **names).status == 201


def test_each_value_needs_its_right(cluster: Cluster) -> None:
    cluster.grant("speaker", right("users"), right("groups", "dev"))

    assert cluster.speak("POST", WHO, User="bob", Group="dev\nops").status == 403


def test_who_has_spoken_the_old_way_is_refused_in_its_words(cluster: Cluster) -> None:
    cluster.grant("speaker", right("users"))
    assert cluster.speak("POST", WHO, User="bob").status == 201

    refused = json.loads(cluster.speak("POST", WHO, User="bob", Extra_scopes="view").body)

    assert refused["details"] == {"name": "view", "group": AUTHENTICATION, "kind": "userextras"}
    assert refused["message"] == (
        'userextras.authentication.k8s.io "view" is forbidden: User "alice" cannot impersonate resource '
        '"userextras/scopes" in API group "authentication.k8s.io" at the cluster scope'
    )


def test_a_service_account_is_impersonated_by_a_right_in_its_namespace(cluster: Cluster) -> None:
    cluster.grant("speaker", right("serviceaccounts", "robot"))

    assert cluster.seen_as(User="system:serviceaccount:default:robot") == {
        "username": "system:serviceaccount:default:robot",
        "groups": ["system:serviceaccounts", "system:serviceaccounts:default", AUTHENTICATED],
    }
    assert cluster.speak("POST", WHO, User="system:serviceaccount:default:other").status == 403
    assert cluster.speak("POST", WHO, User="system:serviceaccount:no-name").status == 403


def test_a_constrained_right_holds_for_what_was_named_alone(cluster: Cluster) -> None:
    cluster.grant(
        "speaker",
        right("users", "bob", AUTHENTICATION, "impersonate:user-info"),
        right("configmaps", verb="impersonate-on:user-info:list"),
    )
    cluster.grant("reader", {"apiGroups": [""], "resources": ["configmaps", "secrets"], "verbs": ["list"]}, to="bob")

    assert cluster.speak("GET", CONFIGMAPS, User="bob").status == 200
    assert cluster.speak("GET", CONFIGMAPS.replace("configmaps", "secrets"), User="bob").status == 403


def test_a_node_comes_with_its_group(cluster: Cluster) -> None:
    seen = cluster.seen_as("admin-token", User="system:node:node-1")

    assert seen["groups"] == ["system:nodes", AUTHENTICATED]


def test_masters_are_impersonated_by_masters_or_by_the_old_right(cluster: Cluster) -> None:
    assert cluster.seen_as("admin-token", User="bob", Group="system:masters")["username"] == "bob"

    cluster.grant("constrained", right("users groups", group=AUTHENTICATION, verb="impersonate:user-info"))
    cluster.grant("all", {**right("selfsubjectreviews", verb="impersonate-on:user-info:create"), "apiGroups": ["*"]})
    assert cluster.seen_as(User="bob", Group="system:masters") == (
        'groups.authentication.k8s.io "system:masters" is forbidden: User "alice" cannot impersonate:user-info '
        'resource "groups" in API group "authentication.k8s.io" at the cluster scope: impersonating the system:masters '
        "group is not allowed"
    )

    cluster.grant("old", right("users groups"))
    assert cluster.seen_as(User="bob", Group="system:masters")["username"] == "bob"


def test_nobody_known_is_not_authenticated(cluster: Cluster) -> None:
    assert cluster.seen_as("admin-token", User="system:anonymous", Group="dev") == (
        'selfsubjectreviews.authentication.k8s.io is forbidden: User "system:anonymous" cannot create resource '
        '"selfsubjectreviews" in API group "authentication.k8s.io" at the cluster scope'
    )


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ({"Group": "a"}, '&user.DefaultInfo{Name:"", UID:"", Groups:[]string{"a"}, Extra:map[string][]string(nil)}'),
        ({"Uid": "7"}, '&user.DefaultInfo{Name:"", UID:"7", Groups:[]string(nil), Extra:map[string][]string(nil)}'),
        (
            {"Extra_scopes": "v"},
            '&user.DefaultInfo{Name:"", UID:"", Groups:[]string(nil), '
            'Extra:map[string][]string{"scopes":[]string{"v"}}}',
        ),
    ],
)
def test_somebody_must_be_named(cluster: Cluster, names: dict[str, str], shown: str) -> None:
    refused = json.loads(cluster.speak("GET", CONFIGMAPS, "admin-token", **names).body)

    assert (refused["code"], refused["message"]) == (400, f"requested {shown} without impersonating a user name")
