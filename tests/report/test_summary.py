"""The summary names everything that is not as it should be, with its reason and remedy, and says once what agrees."""

from __future__ import annotations

from typing import Any

import pytest

from spo.model.resource import GROUP, NODE_STATUSES, PODS, SECCOMP_PROFILES, SPODS, Resource
from spo.model.states import WORST_FIRST, ready
from spo.report.summary import Rejected, Summary, plain, stuck_pods, summarize
from spo.report.summary_text import summary_text
from spo.report.terminal import Paint
from spo.sim.store import Store, StoreKey

FILE = "/var/lib/kubelet/seccomp/operator/shop/late.json"
MISSING = (
    f'failed to create containerd container: cannot load seccomp profile "{FILE}":'
    f" open {FILE}: no such file or directory"
)


def put(store: Store, resource: str, name: str, body: dict[str, Any], namespace: str = "shop") -> None:
    metadata = {"name": name, "namespace": namespace, "uid": f"uid-of-{name}", **body.pop("metadata", {})}
    store.put(StoreKey(resource, namespace, name), {"metadata": metadata, **body})


def put_profile(
    store: Store,
    name: str,
    state: str,
    nodes: dict[str, str],
    reason: str = "",
    message: str = "",
    namespace: str = "shop",
) -> None:
    conditions = [{"type": "Ready", "status": ready(state)[0], "reason": reason, "message": message}]
    put(store, SECCOMP_PROFILES.storage, name, {"status": {"status": state, "conditions": conditions}}, namespace)
    owners = [{"kind": "SeccompProfile", "name": name}]
    for node, at_node in nodes.items():
        body = {"nodeName": node, "status": at_node, "metadata": {"ownerReferences": owners}}
        put(store, NODE_STATUSES.storage, f"{name}-{node}", body, namespace)


def put_pod(store: Store, name: str, phase: str, *, waiting: dict[str, str] | None = None, exit_code: int = 0) -> None:
    state = {"waiting": waiting} if waiting else {"terminated": {"exitCode": exit_code}} if exit_code else {}
    status = {"phase": phase, "containerStatuses": [{"name": "main", "state": state}]}
    put(store, "pods", name, {"spec": {"nodeName": "node-1"}, "status": status})


def text_of(store: Store, *rejected: Rejected) -> str:
    return summary_text(summarize(store, "operator", rejected=rejected), Paint())


def test_a_profile_that_is_everywhere_takes_one_line() -> None:
    store = Store()
    put_profile(store, "cart", "Installed", {f"node-{i}": "Installed" for i in (1, 2, 3)}, "Available")
    assert "✓ shop/cart  Installed   on all 3 nodes" in text_of(store)
    assert "everything applied is satisfied" in text_of(store)


def test_nodes_that_disagree_are_named_fewest_first() -> None:
    store = Store()
    states = {"node-1": "Installed", "node-2": "Error", "node-3": "Installed"}
    message = "node-2: no space left on device. Look at the node's disk; the operator tries again by itself."
    put_profile(store, "cart", "Error", states, "CannotSaveSeccompProfile", message)
    text = text_of(store)
    assert "Error on node-2; Installed on node-1, node-3" in text
    assert "CannotSaveSeccompProfile: node-2: no space left on device" in text
    assert "→ Look at the node's disk" in text
    assert "✗ 1 profile not installed" in text


def test_many_nodes_are_counted_not_listed() -> None:
    store = Store()
    put_profile(store, "cart", "Pending", {f"n{i:04}": "Installed" if i else "Pending" for i in range(1500)})
    assert "Pending on n0000; Installed on n0001, n0002, n0003, n0004, n0005 and 1,494 more" in text_of(store)


def test_a_profile_nobody_has_looked_at_says_so() -> None:
    store = Store()
    put(store, SECCOMP_PROFILES.storage, "cart", {})
    assert "on no node" in text_of(store)
    assert "has not looked at it yet" in text_of(store)


def test_pods_of_an_owner_whose_pods_failed_before_are_no_news_either() -> None:
    store = Store()
    status = {"phase": "Failed", "containerStatuses": []}
    owners = [{"uid": "job", "kind": "Job", "name": "fails"}]
    put(store, "pods", "fails-2", {"status": status, "metadata": {"ownerReferences": owners}})
    assert len(stuck_pods(store)) == 1
    assert stuck_pods(store, {"job"}) == []


def test_what_came_with_the_operator_takes_one_line_unless_something_is_wrong_with_it() -> None:
    store = Store()
    for name in ("runc", "crun"):
        put_profile(store, name, "Installed", {"node-1": "Installed", "node-2": "Installed"}, namespace="operator")
    assert "and crun, runc of the operator itself, on both nodes" in text_of(store)
    put_profile(store, "runc", "Error", {}, "CannotSaveSeccompProfile", "full", namespace="operator")
    assert "✗ operator/runc" in text_of(store)


def test_the_remedy_of_the_operator_is_told_once() -> None:
    store = Store()
    message = "node-1: full. Look at the node's disk; the operator tries again by itself."
    put_profile(store, "cart", "Error", {}, "CannotSaveSeccompProfile", message)
    assert text_of(store).count("Look at the node's disk") == 1


def test_a_pod_without_its_profile_is_told_which_one_to_apply() -> None:
    store = Store()
    put_pod(store, "late-54d-1", "Pending", waiting={"reason": "CreateContainerError", "message": MISSING})
    put_pod(store, "late-54d-2", "Pending", waiting={"reason": "CreateContainerError", "message": MISSING})
    text = text_of(store)
    assert "✗ shop/late-54d-1, shop/late-54d-2 on node-1: CreateContainerError" in text
    assert "→ apply a SeccompProfile `late` in namespace `shop`" in text
    assert "2 pods not running" in text


def test_a_pod_whose_profile_exists_is_sent_to_its_state() -> None:
    store = Store()
    put_profile(store, "late", "Error", {}, "ProfileNotAllowed", "mkdir")
    put_pod(store, "late-54d-1", "Pending", waiting={"reason": "CreateContainerError", "message": MISSING})
    assert "→ SeccompProfile shop/late exists but is not on this node" in text_of(store)


def test_pods_that_run_finish_or_are_on_their_way_up_are_not_stuck() -> None:
    store = Store()
    put_pod(store, "a", "Running")
    put_pod(store, "b", "Succeeded")
    assert stuck_pods(store) == []


def test_a_pod_that_had_failed_before_is_no_news_one_that_fails_now_is() -> None:
    store = Store()
    put_pod(store, "old", "Failed", exit_code=1)
    put_pod(store, "new", "Failed", exit_code=3)
    (pod,) = stuck_pods(store, {"uid-of-old"})
    assert (pod.name, pod.reason, pod.message) == ("new", "Failed", "main exited with 3")


def test_a_pod_that_is_still_pending_at_the_end_is_told() -> None:
    store = Store()
    put_pod(store, "a", "Pending")
    put_pod(store, "b", "Pending", waiting={"reason": "ContainerCreating"})
    assert [pod.reason for pod in stuck_pods(store)] == ["Pending", "Pending"]


def test_a_remark_on_a_profile_that_is_fine_is_told_and_nothing_fails() -> None:
    store = Store()
    remark = {"type": "SyscallsKnown", "status": "False", "reason": "UnknownSyscalls", "message": "no kernel has: raed"}
    status = {"status": "Installed", "conditions": [{"type": "Ready", "status": "True"}, remark]}
    put(store, SECCOMP_PROFILES.storage, "cart", {"status": status})
    text = text_of(store)
    assert "UnknownSyscalls: no kernel has: raed" in text
    assert "everything applied is satisfied" in text


def test_a_setting_without_effect_is_named_and_counts() -> None:
    store = Store()
    message = "spec.enableLogEnricher: the log enricher is not in this release."
    condition = {"type": "SettingsInEffect", "status": "False", "reason": "NotInThisRelease", "message": message}
    put(store, SPODS.storage, "spod", {"status": {"state": "RUNNING", "conditions": [condition]}}, "operator")
    text = text_of(store)
    assert "✗ spod operator/spod: NotInThisRelease" in text
    assert "✗ 1 setting without effect" in text


def test_what_keeps_the_daemons_from_coming_up_counts_too_and_each_reason_once() -> None:
    store = Store()
    for name, reason in (("spod", "CannotCreateSPOD"), ("second", "NotTheOne"), ("new", "Creating")):
        ready = {"type": "Ready", "status": "False", "reason": reason, "message": f"because of {reason}"}
        conditions = [ready, {**ready, "type": "SettingsInEffect", "status": "False" if name == "second" else "True"}]
        put(store, SPODS.storage, name, {"status": {"state": "ERROR", "conditions": conditions}}, "operator")
    text = text_of(store)
    assert "✗ spod operator/spod: CannotCreateSPOD\n      because of CannotCreateSPOD" in text
    assert text.count("because of NotTheOne") == 1
    assert "✗ SecurityProfilesOperatorDaemon operator/new  ERROR\n      Creating: because of Creating" in text
    assert "✗ 1 object not ready, 2 settings without effect" in text


def put_object(store: Store, resource: Resource, name: str, status: Any = None, **metadata: Any) -> None:
    body = {"kind": resource.kind, "metadata": metadata} | ({"status": status} if status is not None else {})
    put(store, resource.storage, name, body)


def ready_condition(status: str, reason: str = "", message: str = "") -> dict[str, str]:
    return {"type": "Ready", "status": status, "reason": reason, "message": message}


def test_a_spod_whose_daemons_are_not_up_is_not_as_wished_though_nothing_is_wrong_with_its_settings() -> None:
    store = Store()
    condition = ready_condition("False", "Creating", "the daemons are being started")
    put_object(store, SPODS, "spod", {"state": "CREATING", "conditions": [condition]})
    text = text_of(store)
    assert "✗ SecurityProfilesOperatorDaemon shop/spod  CREATING\n      Creating: the daemons are being started" in text
    assert "✗ 1 object not ready" in text


def test_a_spod_that_is_as_it_should_be_is_not_worth_a_line() -> None:
    store = Store()
    put_object(store, SPODS, "spod", {"state": "RUNNING", "conditions": [ready_condition("True", "Available")]})
    assert text_of(store) == "✓ everything applied is satisfied"


BINDINGS = Resource(GROUP, "v1alpha1", "profilebindings", "ProfileBinding")


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (None, "nobody has said anything of it"),
        ({}, "nobody has said anything of it"),
        ({"state": "Bound"}, "nobody has said whether it is ready"),
        ("Bound", "nobody has said whether it is ready"),
        ({"conditions": [{"type": "Ready", "status": None}, "odd"]}, "nobody has said whether it is ready"),
        ({"status": "Bound", "conditions": [ready_condition("False", "NoSuchProfile", "there is no cart")]},
         "NoSuchProfile: there is no cart"),
        ({"conditions": [ready_condition("Unknown", "Waiting")]}, "Waiting"),
    ],
)  # fmt: skip
def test_an_object_of_our_group_is_as_wished_only_if_it_is_ready_whatever_its_kind(status: Any, told: str) -> None:
    store = Store()
    put_object(store, BINDINGS, "cart", status)
    state = "  Bound" if "Bound" in str(status) and status != "Bound" else ""
    assert text_of(store) == (f"Objects\n  ✗ ProfileBinding shop/cart{state}\n      {told}\n\n✗ 1 object not ready")


def test_an_object_that_is_ready_is_as_wished_until_somebody_deletes_it() -> None:
    store = Store()
    status = {"status": "Bound", "conditions": [ready_condition("True", "Available", "all of it is bound")]}
    put_object(store, BINDINGS, "cart", status)
    assert text_of(store) == "Objects\n  ✓ ProfileBinding shop/cart  Bound\n\n✓ everything applied is satisfied"
    put_object(store, BINDINGS, "cart", status, deletionTimestamp="2026-01-01T00:00:00Z")
    text = text_of(store)
    assert "✗ ProfileBinding shop/cart  Bound\n      it is being deleted\n" in text
    assert "✗ 1 object not ready" in text


def test_objects_of_others_are_none_of_our_business() -> None:
    store = Store()
    put_object(store, Resource("example.com", "v1", "widgets", "Widget"), "gear")
    put_object(store, PODS, "web", {"phase": "Running"})
    put_object(store, NODE_STATUSES, "cart-1", "Error")  # the operator's own word: of profiles it is told
    assert plain(summarize(store, "operator"))["objects"] == []
    assert text_of(store) == "✓ everything applied is satisfied"


@pytest.mark.parametrize("state", WORST_FIRST)
def test_a_profile_is_as_wished_when_it_is_installed_or_its_own_text_keeps_it_off_the_nodes(state: str) -> None:
    store = Store()
    put_profile(store, "cart", state, {})
    assert summarize(store, "operator").satisfied is (state in ("Installed", "Disabled", "Partial"))


def test_a_profile_that_is_installed_and_not_ready_is_not_as_wished() -> None:
    store = Store()
    conditions = [ready_condition("False", "Creating", "waiting for nodes")]
    put_object(store, SECCOMP_PROFILES, "cart", {"status": "Installed", "conditions": conditions})
    assert not summarize(store, "operator").satisfied


def test_names_without_end_are_cut_for_people() -> None:
    text = text_of(Store(), Rejected("Pod " + "x" * 300, "a.yaml:3", "too long"))
    assert "x" * 40 + "… (300 characters)" in text


def test_rejections_come_with_place_and_remedy() -> None:
    rejected = Rejected("SeccompProfile shop/x", "a.yaml:3", "spec.defaultAction: Required value", "add the field")
    text = text_of(Store(), rejected)
    assert "✗ SeccompProfile shop/x  (a.yaml:3)" in text
    assert "→ add the field" in text
    assert "✗ 1 object rejected" in text


def test_the_plain_form_says_whether_all_is_satisfied() -> None:
    assert plain(Summary())["satisfied"] is True
    assert plain(Summary(rejected=[Rejected("a", "b", "c")]))["satisfied"] is False
