from __future__ import annotations

from typing import Any

import pytest
from known import ME, OPERATOR, daemon_on, daemons, spod, view_of
from msgspec.structs import replace

from spo.events import Key
from spo.intents import Apply, Create, Patch, Plan, Tell
from spo.model.builtin import (
    ContainerState,
    ContainerStatus,
    EventKeep,
    KeepCondition,
    KeepMeta,
    SpodPod,
    SpodPodStatus,
    Waiting,
)
from spo.model.scheduling import ResourceRequirements
from spo.model.spod import SecurityProfilesOperatorDaemon
from spo.reconcile.spod import covers, decide
from spo.render.finding import Finding
from spo.render.validation import findings
from spo.roles import manager

SPOD = Key("SecurityProfilesOperatorDaemon", OPERATOR, "spod")


def decided(*objects: Any, key: Key = SPOD) -> Plan:
    return decide(view_of(manager(ME), *objects), key, ME)


def applied(plan: Plan) -> dict[str, Any] | None:
    return next((dict(intent.manifest) for intent in plan.intents if isinstance(intent, Apply)), None)


def shown(plan: Plan) -> dict[str, Any]:
    patch = plan.intents[-1]
    assert isinstance(patch, Patch)
    found: dict[str, Any] = patch.patch["status"]
    return found


def as_applied(plan: Plan, **more: Any) -> Any:
    """The daemon set as it stands after what the plan applied."""
    manifest = applied(plan)
    assert manifest is not None
    return daemons(
        more.pop("desired", 3), annotations=manifest["metadata"]["annotations"], spec=manifest["spec"], **more
    )


def test_a_missing_spod_is_created_with_the_defaults() -> None:
    (intent,) = decided().intents

    assert isinstance(intent, Create)
    assert intent.manifest["spec"]["priorityClassName"] == "system-node-critical"


def test_spod_becomes_a_daemon_set_that_it_owns() -> None:
    plan = decided(spod())

    manifest = applied(plan)
    assert manifest is not None
    assert manifest["metadata"]["ownerReferences"][0]["uid"] == "uid-spod"
    assert shown(plan)["state"] == "CREATING"


def test_its_settings_are_looked_into_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[SecurityProfilesOperatorDaemon] = []

    def counted(asked: SecurityProfilesOperatorDaemon) -> tuple[Finding, ...]:
        looked.append(asked)
        return findings(asked)

    monkeypatch.setattr("spo.reconcile.spod.findings", counted)
    decided(spod())

    assert len(looked) == 1


def test_a_daemon_set_that_is_as_wanted_is_left_alone() -> None:
    plan = decided(spod(), as_applied(decided(spod())))

    assert applied(plan) is None
    assert shown(plan)["state"] == "RUNNING"


def test_a_roll_out_is_told_from_a_first_start() -> None:
    first = as_applied(decided(spod()), ready=1)
    assert shown(decided(spod(), first))["state"] == "CREATING"

    running = replace(spod(), status=replace(spod().status, state="RUNNING"))
    assert shown(decided(running, first))["state"] == "UPDATING"


def test_what_is_removed_from_spod_is_applied_although_the_live_set_still_covers_it() -> None:
    before = as_applied(decided(spod(priority_class_name="mine")))

    assert applied(decided(spod(), before)) is not None


def test_what_others_change_in_the_daemon_set_is_put_right() -> None:
    live = as_applied(decided(spod()))
    meddled = replace(live, spec={**live.spec, "template": {"spec": {"containers": []}}})

    assert applied(decided(spod(), meddled)) is not None


def test_a_setting_of_a_later_release_is_refused_by_name_and_the_rest_takes_effect() -> None:
    plan = decided(spod(enable_log_enricher=True))

    assert applied(plan) is not None
    (condition,) = [each for each in shown(plan)["conditions"] if each["type"] == "SettingsInEffect"]
    assert condition["status"] == "False"
    assert "spec.enableLogEnricher" in condition["message"]
    assert any(isinstance(intent, Tell) and intent.reason == "NotInThisRelease" for intent in plan.intents)


def test_an_empty_allow_list_says_that_it_restricts_nothing() -> None:
    (condition,) = [
        each for each in shown(decided(spod(allowed_syscalls=())))["conditions"] if each["type"] == "SettingsInEffect"
    ]

    assert condition["reason"] == "EmptyList"
    assert "spec.allowedSyscalls" in condition["message"]


def test_a_second_spod_is_told_that_it_is_not_read() -> None:
    second = replace(spod(), metadata=replace(spod().metadata, name="other"))
    plan = decided(spod(), second, key=Key(SPOD.kind, OPERATOR, "other"))

    assert applied(plan) is None
    assert shown(plan)["state"] == "ERROR"
    assert "spod" in shown(plan)["conditions"][0]["message"]


def test_the_servers_defaults_are_no_change() -> None:
    assert covers({"a": [{"b": 1}]}, {"a": [{"b": 1, "defaulted": True}], "more": 2})
    assert not covers({"a": [{"b": 1}]}, {"a": [{"b": 1}, {"b": 2}]})
    assert not covers({"a": 1}, {"a": 2})
    assert not covers({"a": 1}, {})


def test_an_image_that_cannot_be_pulled_is_named_on_spod() -> None:
    first = as_applied(decided(spod()), ready=0)
    waiting = ContainerStatus("operator:none", ContainerState(Waiting("ImagePullBackOff")))
    pod = replace(daemon_on("node-1"), status=SpodPodStatus("Pending", container_statuses=(waiting,)))
    status = shown(decided(spod(), first, pod))

    assert status["state"] == "ERROR"
    assert "operator:none" in status["conditions"][0]["message"]
    assert "node-1" in status["conditions"][0]["message"]


def test_an_init_container_that_ends_badly_is_named_on_spod() -> None:
    first = as_applied(decided(spod()), ready=0)
    trying = ContainerStatus("operator:0.1.0", ContainerState(Waiting("CrashLoopBackOff")))
    waiting = ContainerStatus("operator:0.1.0", ContainerState(Waiting("PodInitializing")))
    pod = replace(daemon_on("node-1"), status=SpodPodStatus("Pending", (), (waiting,), (trying,)))

    assert "CrashLoopBackOff" in shown(decided(spod(), first, pod))["conditions"][0]["message"]


def test_a_container_that_is_being_created_is_no_trouble() -> None:
    first = as_applied(decided(spod()), ready=0)
    creating = ContainerStatus("operator:0.1.0", ContainerState(Waiting("ContainerCreating")))
    pod = replace(daemon_on("node-1"), status=SpodPodStatus("Pending", container_statuses=(creating,)))

    assert shown(decided(spod(), first, pod))["state"] == "CREATING"


def test_a_spod_in_another_namespace_is_told_that_it_is_not_read() -> None:
    stray = replace(spod(), metadata=replace(spod().metadata, namespace="default"))
    plan = decided(stray, key=Key(SPOD.kind, "default", "spod"))

    assert applied(plan) is None
    assert shown(plan)["state"] == "ERROR"
    assert all(OPERATOR in each["message"] for each in shown(plan)["conditions"])


def test_a_typo_on_the_allow_list_is_named() -> None:
    (condition,) = [
        each
        for each in shown(decided(spod(allowed_syscalls=("raed", "exit"))))["conditions"]
        if each["type"] == "SettingsInEffect"
    ]

    assert condition["reason"] == "UnknownOnList"
    assert "raed" in condition["message"]
    assert "exit" not in condition["message"]


def test_a_quota_that_is_exceeded_is_named_in_the_words_of_the_api_server() -> None:
    first = as_applied(decided(spod()), ready=0)
    status = replace(first.status, current_number_scheduled=0)
    told = [
        EventKeep(
            KeepMeta(f"spod.{number}", OPERATOR, f"uid-{number}"),
            "FailedCreate",
            message,
            f"2026-01-01T00:0{number}:00Z",
        )
        for number, message in enumerate(
            ("Error creating: no class", 'Error creating: pods "spod-4jwzk" is forbidden: exceeded quota')
        )
    ]

    shows = shown(decided(spod(), replace(first, status=status), *told))

    assert (shows["state"], shows["conditions"][0]["reason"]) == ("ERROR", "CannotCreateSPOD")
    # The name is another with each attempt: to tell it would be news without end.
    assert 'Error creating: pods "spod-…" is forbidden: exceeded quota. ' in shows["conditions"][0]["message"]


def test_a_pod_that_no_node_has_room_for_is_named() -> None:
    first = as_applied(decided(spod()), ready=0)
    unplaced = KeepCondition("PodScheduled", "False", "0/3 nodes are available: 3 Insufficient cpu")
    pod = SpodPod(KeepMeta("spod-a", OPERATOR, "uid-a"), status=SpodPodStatus("Pending", (unplaced,)))

    shows = shown(decided(spod(), first, pod))

    assert (shows["state"], shows["conditions"][0]["reason"]) == ("ERROR", "CannotStartSPOD")
    assert "pod spod-a: Unschedulable" in shows["conditions"][0]["message"]
    assert "Insufficient cpu" in shows["conditions"][0]["message"]


def test_no_node_at_all_is_no_success() -> None:
    shows = shown(decided(spod(), as_applied(decided(spod()), desired=0)))

    assert (shows["state"], shows["conditions"][0]["reason"]) == ("ERROR", "NoNodeFits")
    assert "spec.affinity" in shows["conditions"][0]["message"]


def test_what_no_api_server_would_take_is_named_and_not_asked_for() -> None:
    wrong = spod(daemon_resource_requirements=ResourceRequirements({"cpu": "1"}, {"cpu": "2"}))
    plan = decided(wrong, as_applied(decided(spod())))

    assert applied(plan) is None
    assert (shown(plan)["state"], shown(plan)["conditions"][0]["reason"]) == ("ERROR", "InvalidSetting")
    for condition in shown(plan)["conditions"]:
        assert (condition["status"], condition["reason"]) == ("False", "InvalidSetting")
        assert "spec.daemonResourceRequirements.requests.cpu" in condition["message"]
    assert len([intent for intent in plan.intents if isinstance(intent, Tell)]) == 1
