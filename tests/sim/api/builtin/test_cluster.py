"""RBAC, leases, budgets, webhooks (recorded: leases, webhook-config-validation, subject-access-review)."""

from __future__ import annotations

from typing import Any

import pytest

from spo.sim.api.builtin import TABLE
from spo.sim.api.kinds import Object

HOOKS = "mutatingwebhookconfigurations.admissionregistration.k8s.io"
BINDINGS = "rolebindings.rbac.authorization.k8s.io"


def _made(resource: str, **fields: Any) -> Object:
    kind = TABLE[resource]
    obj: Object = {"metadata": {"name": "a"}, "kind": kind.resource.kind, **fields}
    kind.default(obj)
    kind.prepare_create(obj)
    return obj


def _texts(resource: str, obj: Object, old: Object | None = None) -> list[str]:
    return [error.text for error in TABLE[resource].validate(obj, old)]


def _hook(**fields: Any) -> Object:
    hook = {
        "name": "hook.example.com",
        "clientConfig": {"service": {"namespace": "n", "name": "s"}},
        "rules": [{"apiGroups": [""], "apiVersions": ["*"], "operations": ["CREATE"], "resources": ["pods"]}],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    return _made(HOOKS, webhooks=[{**hook, **fields}])


def test_a_webhook_is_filled_in() -> None:
    (hook,) = _hook()["webhooks"]

    assert hook["clientConfig"]["service"]["port"] == 443
    assert hook["rules"][0]["scope"] == "*"
    assert (hook["failurePolicy"], hook["timeoutSeconds"], hook["reinvocationPolicy"]) == ("Fail", 10, "Never")
    assert _texts(HOOKS, _hook()) == []


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"sideEffects": "Some"}, 'sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"'),
        (
            {"timeoutSeconds": 31},
            "timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds",
        ),
        (
            {"clientConfig": {"url": "http://a/b"}},
            "clientConfig.url: Invalid value: \"http\": 'https' is the only allowed URL scheme; desired format: https://host[/path]",
        ),
        (
            {"name": "short"},
            'name: Invalid value: "short": should be a domain with at least three segments separated by dots',
        ),
        (
            {"admissionReviewVersions": ["v9"]},
            'admissionReviewVersions: Invalid value: ["v9"]: must include at least one of v1, v1beta1',
        ),
        ({"failurePolicy": "Maybe"}, 'failurePolicy: Unsupported value: "Maybe": supported values: "Fail", "Ignore"'),
        (
            {"objectSelector": {"matchExpressions": [{"key": "a", "operator": "Bad"}]}},
            'objectSelector.matchExpressions[0].operator: Invalid value: "Bad": not a valid selector operator',
        ),
    ],
)
def test_each_way_to_be_wrong_has_upstreams_words(fields: Any, text: str) -> None:
    assert _texts(HOOKS, _hook(**fields)) == [f"webhooks[0].{text}"]


def test_a_lease_counts_in_whole_positive_numbers() -> None:
    lease = _made("leases.coordination.k8s.io", spec={"leaseDurationSeconds": 0, "leaseTransitions": -1})

    assert sorted(_texts("leases.coordination.k8s.io", lease)) == [
        "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0",
        "spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0",
    ]
    assert _made("leases.coordination.k8s.io")["spec"] == {}


def test_a_binding_is_bound_to_its_role_for_ever() -> None:
    old = _made(BINDINGS, roleRef={"kind": "Role", "name": "r"}, subjects=[{"kind": "User", "name": "u"}])
    new = _made(BINDINGS, roleRef={"kind": "Role", "name": "other"})
    shown = '{"APIGroup":"rbac.authorization.k8s.io","Kind":"Role","Name":"other"}'

    assert old["subjects"][0]["apiGroup"] == "rbac.authorization.k8s.io"
    assert _texts(BINDINGS, new, old) == [f"roleRef: Invalid value: {shown}: cannot change roleRef"]


def test_a_budget_starts_unobserved() -> None:
    assert _made("poddisruptionbudgets.policy")["status"] == {
        "disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0,
    }  # fmt: skip


def test_a_role_says_what_it_allows_and_may_allow_nothing() -> None:
    resource = "clusterroles.rbac.authorization.k8s.io"

    assert _made(resource)["rules"] is None
    assert _texts(resource, _made(resource, rules=[{"resources": ["pods"]}])) == [
        "rules[0].verbs: Required value: verbs must contain at least one value"
    ]
