"""The roles grant what the processes ask for, and what must not be granted is not."""

from __future__ import annotations

from spo.model.resource import EVENTS, Resource
from spo.reconcile.settings import Settings
from spo.render.rbac import rbac
from spo.roles import daemon, manager

HOME = "operators"
SETTINGS = Settings(namespace=HOME, identity="me", node="node-a")


def granted(account: str, namespace: str = "") -> set[tuple[str, str, str]]:
    """Group, resource and verb that an account may use in a namespace (none: everywhere)."""
    kinds = {"ClusterRole", "Role"} if namespace == HOME else {"ClusterRole"}
    return {
        (group, resource, verb)
        for role in rbac(HOME)
        if role["kind"] in kinds and role["metadata"]["name"] == account
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def reads(account: str, resource: Resource, namespace: str) -> bool:
    wanted = {(resource.group, resource.plural, verb) for verb in ("list", "watch")}
    return wanted <= granted(account, namespace)


def test_the_daemon_may_read_all_that_it_wants_to_know() -> None:
    for interest in daemon(SETTINGS).interests:
        assert reads("spod", interest.resource, interest.namespace), interest


def test_the_manager_may_read_all_that_it_wants_to_know() -> None:
    for interest in manager(SETTINGS).interests:
        assert reads("security-profiles-operator", interest.resource, interest.namespace), interest


def test_nobody_reads_what_nobody_wants_to_know() -> None:
    """A right that no interest needs is one that a thief could use. `get` alone is for single looks."""
    for account, role in (("spod", daemon(SETTINGS)), ("security-profiles-operator", manager(SETTINGS))):
        wanted = {(interest.resource.group, interest.resource.plural) for interest in role.interests}
        listed = {(group, resource) for group, resource, verb in granted(account, HOME) if verb == "list"}
        assert listed - wanted <= {("apiextensions.k8s.io", "customresourcedefinitions")}


def test_a_daemon_deletes_nothing() -> None:
    assert {verb for _, _, verb in granted("spod", HOME)} == {"get", "list", "watch", "create", "patch"}


def test_a_daemon_writes_node_statuses_and_events_only() -> None:
    written = {resource for _, resource, verb in granted("spod", HOME) if verb in ("create", "patch")}
    assert written == {"securityprofilenodestatuses", "events"}


def test_the_manager_deletes_profiles_and_node_statuses_only() -> None:
    deleted = {resource for _, resource, verb in granted("security-profiles-operator", HOME) if verb == "delete"}
    assert deleted == {"seccompprofiles", "securityprofilenodestatuses"}


def test_the_manager_writes_workloads_in_its_own_namespace_only() -> None:
    everywhere = {
        resource for _, resource, verb in granted("security-profiles-operator") if verb in ("create", "patch")
    }
    assert everywhere == {
        "seccompprofiles",
        "seccompprofiles/status",
        "securityprofilesoperatordaemons/status",  # a spod that nobody reads is told so, wherever it is
        "securityprofilenodestatuses",
        "events",
    }


def test_both_may_tell_events_in_every_namespace() -> None:
    for account in ("spod", "security-profiles-operator"):
        assert {(EVENTS.group, EVENTS.plural, verb) for verb in ("create", "patch")} <= granted(account)


def test_no_right_is_given_for_everything() -> None:
    assert not any(
        "*" in right for account in ("spod", "security-profiles-operator") for right in granted(account, HOME)
    )


def test_the_operator_creates_no_rights() -> None:
    groups = {group for account in ("spod", "security-profiles-operator") for group, _, _ in granted(account, HOME)}
    assert "rbac.authorization.k8s.io" not in groups


def test_each_role_is_bound_to_the_account_of_its_name_at_home() -> None:
    bindings = [each for each in rbac(HOME) if each["kind"].endswith("Binding")]
    assert len(bindings) == 4
    for binding in bindings:
        assert binding["roleRef"]["kind"] + "Binding" == binding["kind"]
        assert binding["roleRef"]["name"] == binding["metadata"]["name"]
        assert binding["subjects"] == [
            {"kind": "ServiceAccount", "name": binding["roleRef"]["name"], "namespace": HOME}
        ]
