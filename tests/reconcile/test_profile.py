from __future__ import annotations

import json
from typing import Any

from known import ME, NOW, SLEEPER, daemon_on, daemons, node, profile, spod, status_on, view_of
from msgspec.structs import replace

from spo.events import Key
from spo.intents import Delete, Patch, Plan, Tell
from spo.model import labels
from spo.model.manifest import from_manifest
from spo.model.meta import Condition
from spo.model.seccomp import SeccompProfile, SeccompProfileStatus, Syscall
from spo.reconcile.profile import decide
from spo.render.resolve import Resolved
from spo.render.seccomp import form_of, render
from spo.roles import manager

LISTED = ("nanosleep",)


def form(of: SeccompProfile) -> str:
    return form_of(render(Resolved(of, of.spec.syscalls)))


def annotated(of: SeccompProfile) -> SeccompProfile:
    """With the annotations that the manager wants, so that the next steps are in view."""
    (patch,) = decided(of).intents
    assert isinstance(patch, Patch)
    found = {name: text for name, text in patch.patch["metadata"]["annotations"].items() if text}
    return of.with_metadata(replace(of.metadata, annotations=found))


def annotated_under(of: SeccompProfile, *bases: SeccompProfile) -> SeccompProfile:
    (patch,) = decided(of, *bases).intents
    assert isinstance(patch, Patch)
    return of.with_metadata(replace(of.metadata, annotations=patch.patch["metadata"]["annotations"]))


def decided(*objects: Any, key: Key = SLEEPER, later_s: float = 0.0) -> Plan:
    """The decision so long after all of this was seen."""
    view = view_of(manager(ME), *objects)
    view.now += later_s
    return decide(view, key, ME)


def shown(plan: Plan) -> dict[str, Any]:
    """The status that the plan's last intent writes."""
    patch = plan.intents[-1]
    assert isinstance(patch, Patch)
    assert patch.subresource == "status"
    found: dict[str, Any] = patch.patch["status"]
    return found


def installed_on_all(of: SeccompProfile) -> SeccompProfile:
    return of.with_status(SeccompProfileStatus(status="Installed", installed_form=form(of)))


def test_the_first_write_holds_the_profile_and_shows_the_resolved_list() -> None:
    (patch,) = decided(profile(held=False)).intents

    assert isinstance(patch, Patch)
    assert patch.patch["metadata"]["finalizers"] == [labels.PROFILE_FINALIZER]
    resolved = json.loads(patch.patch["metadata"]["annotations"]["syscalls"])
    assert sorted(resolved[0]["names"]) == ["exit_group", "nanosleep"]
    assert patch.version == "7"


def test_a_profile_is_pending_until_every_node_has_this_very_form() -> None:
    sleeper = annotated(profile())
    cluster = (node("node-1"), node("node-2"), daemons(2))
    here = status_on("node-1", "Installed", of=sleeper, form=form(sleeper))

    assert shown(decided(sleeper, *cluster, here))["status"] == "Pending"

    old = status_on("node-2", "Installed", of=sleeper, form="0" * 64)
    assert shown(decided(sleeper, *cluster, here, old))["status"] == "Pending"

    there = status_on("node-2", "Installed", of=sleeper, form=form(sleeper))
    status = shown(decided(sleeper, *cluster, here, there))
    assert status["status"] == "Installed"
    assert status["installedForm"] == form(sleeper)
    assert status["localhostProfile"] == "operator/default/sleeper.json"
    assert status["conditions"][0]["reason"] == "Available"


def test_without_daemons_nothing_is_installed() -> None:
    assert shown(decided(annotated(profile()), node("node-1")))["status"] == "Pending"


def test_a_status_that_says_nothing_new_is_not_written() -> None:
    sleeper = annotated(profile())
    cluster = (node("node-1"), daemons(1), status_on("node-1", "Installed", of=sleeper, form=form(sleeper)))
    first = decided(sleeper, *cluster).intents[-1]
    assert isinstance(first, Patch)
    from msgspec import convert

    told = sleeper.with_status(convert(first.patch["status"], SeccompProfileStatus))

    assert decided(told, *cluster).intents == ()


def test_a_changed_list_deletes_what_was_installed_in_its_present_form() -> None:
    sleeper = installed_on_all(annotated(profile(allow=["mkdir", "nanosleep"])))
    plan = decided(sleeper, spod(allowed_syscalls=LISTED), node("node-1"), daemons(1))

    tell, delete = plan.intents
    assert isinstance(tell, Tell)
    assert tell.reason == "ProfileRemoved"
    assert "mkdir" in tell.message
    assert delete == Delete(
        sleeper.RESOURCE, "default", "sleeper", "uid-default-sleeper", sleeper.metadata.resource_version
    )


def test_a_typo_never_destroys_an_object() -> None:
    before = annotated(profile())
    edited = annotated(profile(allow=["mkdir", "nanosleep"])).with_status(
        SeccompProfileStatus(status="Installed", installed_form=form(before))
    )
    plan = decided(edited, spod(allowed_syscalls=LISTED), node("node-1"), daemons(1))

    assert not any(isinstance(intent, Delete) for intent in plan.intents)
    status = shown(plan)
    assert status["status"] == "Error"
    assert status["conditions"][0]["reason"] == "ProfileNotAllowed"
    assert status["installedForm"] is None, "what was rejected is not taken for installed later"


def test_a_new_profile_that_does_not_comply_is_rejected_with_an_event_that_names_the_syscall() -> None:
    plan = decided(annotated(profile(allow=["mkdir"])), spod(allowed_syscalls=LISTED), node("node-1"), daemons(1))

    tell = plan.intents[0]
    assert isinstance(tell, Tell)
    assert tell.reason == "ProfileNotAllowed"
    assert "mkdir" in tell.message
    assert shown(plan)["status"] == "Error"


def test_uninstall_keeps_the_object_and_marks_it() -> None:
    sleeper = installed_on_all(annotated(profile(allow=["mkdir"])))
    plan = decided(
        sleeper, spod(allowed_syscalls=LISTED, non_compliant_profiles="Uninstall"), node("node-1"), daemons(1)
    )

    assert not any(isinstance(intent, Delete) for intent in plan.intents)
    assert shown(plan)["status"] == "Error"


def test_a_deleted_profile_is_let_go_when_no_node_speaks_of_it_any_more() -> None:
    sleeper = profile(deleting=True)
    (patch,) = decided(sleeper, node("node-1"), daemons(1)).intents

    assert isinstance(patch, Patch)
    assert patch.patch["metadata"]["finalizers"] == []


def test_a_deleted_profile_asks_every_node_for_its_status_and_waits() -> None:
    sleeper = profile(deleting=True)
    plan = decided(
        sleeper, node("node-1"), daemons(1), daemon_on("node-1"), status_on("node-1", "Installed", of=sleeper)
    )

    delete = plan.intents[0]
    assert isinstance(delete, Delete)
    assert delete.resource.kind == "SecurityProfileNodeStatus"
    assert not any(
        isinstance(intent, Patch) and "finalizers" in intent.patch.get("metadata", {}) for intent in plan.intents
    )


def test_a_deletion_ends_although_a_node_is_gone_for_ever() -> None:
    sleeper = profile(deleting=True)
    lost = status_on("node-9", "Installed", of=sleeper, deleting=True)
    plan = decided(sleeper, node("node-1"), daemons(1), daemon_on("node-1"), lost, later_s=40)

    patch = plan.intents[0]
    assert isinstance(patch, Patch)
    assert patch.resource.kind == "SecurityProfileNodeStatus"
    assert patch.patch["metadata"]["finalizers"] == []


def test_a_daemon_that_we_do_not_see_is_given_time_to_answer_all_the_same() -> None:
    sleeper = profile(deleting=True)
    asked = status_on("node-9", "Installed", of=sleeper, deleting=True, deleted_at="2025-12-01T00:00:00Z")
    plan = decided(sleeper, node("node-1"), daemons(1), daemon_on("node-1"), asked, later_s=30)

    assert not any(isinstance(each, Patch) and "finalizers" in each.patch.get("metadata", {}) for each in plan.intents)
    assert plan.wake_at == NOW + 40, "by our own clock, whatever the server's says"


def test_a_node_that_its_daemon_left_holds_nobody_up_but_one_whose_daemon_is_coming_does() -> None:
    sleeper = profile(deleting=True)
    left = status_on("node-2", "Installed", of=sleeper, deleting=True)
    cluster = (sleeper, node("node-1"), node("node-2"), daemon_on("node-1"), left)

    def lets_go(daemon_set: Any) -> bool:
        plan = decided(*cluster, daemon_set, later_s=40)
        return any(
            isinstance(each, Patch) and each.resource.kind == "SecurityProfileNodeStatus" for each in plan.intents
        )

    assert lets_go(daemons(1))
    assert not lets_go(daemons(2, ready=1))


def test_statuses_of_a_profile_that_is_gone_are_sent_away() -> None:
    gone = profile()
    plan = decided(node("node-1"), daemons(1), daemon_on("node-1"), status_on("node-1", of=gone))

    assert [type(intent).__name__ for intent in plan.intents] == ["Delete"]


def test_unknown_names_are_accepted_and_remarked_on() -> None:
    sleeper = annotated(profile(allow=["nanosleep", "no_such_call"]))
    status = shown(decided(sleeper, node("node-1"), daemons(1)))
    (remark,) = [each for each in status["conditions"] if each["type"] == "SyscallsKnown"]

    assert remark["status"] == "False"
    assert "no_such_call" in remark["message"]


def remarked(status: dict[str, Any], condition: str) -> dict[str, Any]:
    (found,) = [each for each in status["conditions"] if each["type"] == condition]
    return found


def test_a_profile_that_only_some_runtimes_load_is_installed_and_remarked_on_until_it_is_corrected() -> None:
    flagged = annotated(profile(flags=("SECCOMP_FILTER_FLAG_LOG",)))
    status = shown(decided(flagged, node("node-1"), daemons(1)))

    assert status["status"] == "Pending"
    remark = remarked(status, "LoadsEverywhere")
    assert (remark["status"], remark["reason"]) == ("False", "DependsOnRuntime")
    assert "SECCOMP_FILTER_FLAG_LOG: runc before 1.2" in remark["message"]

    seen = tuple(from_manifest(each, Condition) for each in status["conditions"])
    corrected = annotated(profile()).with_status(SeccompProfileStatus(seen, "Pending"))
    remark = remarked(shown(decided(corrected, node("node-1"), daemons(1))), "LoadsEverywhere")
    assert (remark["status"], remark["reason"]) == ("True", "AnyRuntime")


def test_a_refusal_that_a_base_undoes_is_remarked_on_and_stays_so_while_the_base_is_away() -> None:
    forbidding = Syscall(("mkdir",), "SCMP_ACT_KILL")
    sleeper, base = profile(base_profile_name="base"), profile("base", allow=["mkdir"])
    mine = annotated_under(sleeper.with_syscalls(*sleeper.spec.syscalls, forbidding), base)
    status = shown(decided(mine, base, node("node-1"), daemons(1)))

    remark = remarked(status, "RefusalsStand")
    assert (remark["status"], remark["reason"]) == ("False", "RefusalsDropped")
    assert "base default/base lets through: mkdir (SCMP_ACT_KILL)" in remark["message"]

    seen = tuple(from_manifest(each, Condition) for each in status["conditions"])
    alone = mine.with_status(SeccompProfileStatus(seen, "Pending"))
    status = shown(decided(alone, node("node-1"), daemons(1)))
    assert status["status"] == "Error"
    assert remarked(status, "RefusalsStand")["status"] == "False"


def test_a_profile_that_no_runtime_loads_is_rejected_and_what_stood_there_stays_known() -> None:
    asking = profile(status=SeccompProfileStatus(status="Installed", installed_form="f"))
    plan = decided(asking.with_syscalls(Syscall(("read",), "SCMP_ACT_NOTIFY")), node("node-1"))

    status = shown(plan)
    assert (status["status"], status["conditions"][0]["reason"]) == ("Error", "InvalidSeccompProfile")
    assert "rule 1 (spec.syscalls[0]) has SCMP_ACT_NOTIFY on read" in status["conditions"][0]["message"]
    assert plan.problem is not None and plan.problem.reason == "InvalidSeccompProfile"
    assert any(isinstance(intent, Tell) for intent in plan.intents)


def test_a_missing_base_is_visible_at_once() -> None:
    plan = decided(profile(base_profile_name="no-such-base"), node("node-1"), daemons(1))

    status = shown(plan)
    assert status["status"] == "Error"
    assert status["conditions"][0]["reason"] == "InvalidSeccompProfile"
    assert "no-such-base" in status["conditions"][0]["message"]
