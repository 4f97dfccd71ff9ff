from __future__ import annotations

from typing import Any

from known import ME, OPERATOR, SLEEPER, pod_using, profile, spod, status_on, view_of

from spo.events import Deaf, Listed
from spo.intents import NOTHING, Create, Patch, Plan, RemoveFile, Tell, WriteFile
from spo.model import labels
from spo.model.builtin import PodUse
from spo.model.seccomp import Syscall
from spo.reconcile.node_profile import decide
from spo.render.resolve import Resolved
from spo.render.seccomp import form_of, render
from spo.roles import daemon

FILE = "default/sleeper.json"


def decided(*objects: Any, files: dict[str, str] | None = None) -> Plan:
    return decide(view_of(daemon(ME), *objects, files=files), SLEEPER, ME)


def form(of: Any) -> str:
    return form_of(render(Resolved(of, of.spec.syscalls)))


def kinds(plan: Plan) -> list[str]:
    return [type(intent).__name__ for intent in plan.intents]


def finalizers_after(intent: Any) -> list[str]:
    assert isinstance(intent, Patch)
    found: list[str] = intent.patch["metadata"]["finalizers"]
    return found


def test_nothing_touches_the_disk_before_the_manager_holds_the_profile() -> None:
    assert decided(profile(held=False)) == NOTHING


def test_the_first_step_is_a_node_status_with_our_finalizer_and_nothing_on_the_disk() -> None:
    (intent,) = decided(profile()).intents

    assert isinstance(intent, Create)
    assert intent.manifest["nodeName"] == "node-1"
    assert intent.manifest["metadata"]["finalizers"] == [labels.NODE_FINALIZER]
    assert intent.manifest["metadata"]["ownerReferences"][0]["uid"] == "uid-default-sleeper"


def test_a_status_that_lost_its_finalizer_gets_it_back_before_the_file() -> None:
    sleeper = profile()
    (intent,) = decided(sleeper, status_on(of=sleeper, held=False)).intents

    assert finalizers_after(intent) == [labels.NODE_FINALIZER]


def test_the_file_comes_before_the_word_that_it_is_there() -> None:
    sleeper = profile()
    plan = decided(sleeper, status_on(of=sleeper))

    assert kinds(plan) == ["WriteFile", "Tell", "Patch"]
    write, _, patch = plan.intents
    assert isinstance(write, WriteFile)
    assert write.path == FILE
    assert isinstance(patch, Patch)
    assert patch.patch["status"] == "Installed"
    assert patch.patch["metadata"]["annotations"] == {labels.FORM: form_of(write.data)}
    assert patch.version == "8"


def test_an_installed_profile_needs_nothing() -> None:
    sleeper = profile()
    installed = status_on(of=sleeper, state="Installed", form=form(sleeper))

    assert decided(sleeper, installed, files={FILE: form(sleeper)}).intents == ()


def test_a_changed_file_is_written_again_and_the_status_stands() -> None:
    sleeper = profile()
    installed = status_on(of=sleeper, state="Installed", form=form(sleeper))

    assert kinds(decided(sleeper, installed, files={FILE: "0" * 64})) == ["WriteFile", "Tell"]
    assert kinds(decided(sleeper, installed)) == ["WriteFile", "Tell"]


def test_a_new_form_is_not_called_installed_before_its_bytes_are_there() -> None:
    old, new = profile(allow=["read"]), profile(allow=["read", "write"])
    installed = status_on(of=old, state="Installed", form=form(old))

    assert kinds(decided(new, installed, files={FILE: form(old)})) == ["WriteFile", "Tell", "Patch"]


def test_a_rejected_profile_loses_its_file_and_its_status_says_so() -> None:
    sleeper = profile(allow=["nanosleep", "mkdir"])
    installed = status_on(of=sleeper, state="Installed", form=form(sleeper))
    plan = decided(sleeper, installed, spod(allowed_syscalls=("nanosleep",)), files={FILE: form(sleeper)})

    assert kinds(plan) == ["RemoveFile", "Patch"]
    assert plan.problem is not None
    assert plan.problem.reason == "ProfileNotAllowed"
    assert "mkdir" in plan.problem.message


def test_a_profile_that_never_complied_leaves_no_trace_on_the_node() -> None:
    plan = decided(profile(allow=["mkdir"]), spod(allowed_syscalls=("nanosleep",)))

    assert plan.intents == ()
    assert plan.problem is not None


def test_a_rejected_profile_stays_while_a_pod_of_this_node_uses_it() -> None:
    sleeper = profile(allow=["mkdir"])
    installed = status_on(of=sleeper, state="Installed", form=form(sleeper))
    plan = decided(
        sleeper, installed, spod(allowed_syscalls=("nanosleep",)), pod_using(FILE), files={FILE: form(sleeper)}
    )

    assert kinds(plan) == ["Tell", "Patch"]
    tell, patch = plan.intents
    assert isinstance(tell, Tell)
    assert "default/user" in tell.message
    assert isinstance(patch, Patch)
    assert patch.patch["status"] == "Terminating"


def test_the_finalizer_goes_last() -> None:
    sleeper = profile(deleting=True)
    plan = decided(sleeper, status_on(of=sleeper, state="Installed", deleting=True), files={FILE: form(sleeper)})

    assert kinds(plan) == ["RemoveFile", "Patch"]
    assert finalizers_after(plan.intents[1]) == []


def test_a_file_we_know_nothing_of_is_removed_before_we_let_go() -> None:
    sleeper = profile(deleting=True)

    assert kinds(decided(sleeper, status_on(of=sleeper, deleting=True))) == ["RemoveFile", "Patch"]


def test_a_deleted_profile_stays_until_the_last_pod_that_uses_it_has_finished() -> None:
    sleeper = profile(deleting=True)
    installed = status_on(of=sleeper, state="Installed", deleting=True)

    assert "RemoveFile" not in kinds(decided(sleeper, installed, pod_using(FILE)))
    assert "RemoveFile" not in kinds(decided(sleeper, installed, pod_using(FILE, phase="Pending")))
    assert "RemoveFile" in kinds(decided(sleeper, installed, pod_using(FILE, phase="Succeeded")))
    assert "RemoveFile" in kinds(decided(sleeper, installed, pod_using("default/other.json")))


def test_a_file_whose_profile_is_gone_is_cleared_away() -> None:
    assert decided(files={FILE: "0" * 64}) == Plan((RemoveFile(FILE),))
    assert decided(pod_using(FILE), files={FILE: "0" * 64}) == NOTHING


def test_no_file_goes_while_no_news_of_pods_comes() -> None:
    sleeper = profile(deleting=True)
    installed = status_on(of=sleeper, state="Installed", deleting=True)
    for objects in ((sleeper, installed), ()):  # one is withdrawn, one is gone
        view = view_of(daemon(ME), *objects, files={FILE: form(sleeper)})

        view.apply(Deaf(PodUse))
        plan = decide(view, SLEEPER, ME)
        assert plan.intents == ()
        assert plan.wake_at is not None

        view.apply(Listed(PodUse))
        assert "RemoveFile" in kinds(decide(view, SLEEPER, ME))


def test_a_status_of_a_former_profile_of_that_name_is_let_go_and_the_file_left_to_the_new_one() -> None:
    sleeper = profile()
    former = status_on(of=sleeper, owner="uid-of-the-former", state="Installed", deleting=True)
    plan = decided(sleeper, former, files={FILE: form(sleeper)})

    assert kinds(plan) == ["Patch"]
    assert finalizers_after(plan.intents[0]) == []


def test_a_missing_base_is_an_error_and_keeps_what_stands() -> None:
    sleeper = profile(base_profile_name="runc-v1.0.0")
    installed = status_on(of=sleeper, state="Installed", form="0" * 64)
    plan = decided(sleeper, installed, files={FILE: "0" * 64})

    assert kinds(plan) == ["Patch"]
    assert plan.problem is not None
    assert plan.problem.reason == "InvalidSeccompProfile"


def test_what_no_runtime_loads_is_not_written_and_keeps_what_stands() -> None:
    asking = profile().with_syscalls(Syscall(("read",), "SCMP_ACT_NOTIFY"))
    installed = status_on(of=asking, state="Installed", form="0" * 64)
    plan = decided(asking, installed, files={FILE: "0" * 64})

    assert kinds(plan) == ["Patch"]
    assert plan.problem is not None
    assert plan.problem.reason == "InvalidSeccompProfile"
    assert "rule 1 (spec.syscalls[0])" in plan.problem.message


def test_a_base_is_found_in_the_operators_namespace_and_its_syscalls_are_in_the_file() -> None:
    base = profile("runc-v1.0.0", allow=["execve"], namespace=OPERATOR)
    sleeper = profile(base_profile_name="runc-v1.0.0")
    write = decided(sleeper, base, status_on(of=sleeper)).intents[0]

    assert isinstance(write, WriteFile)
    assert b"execve" in write.data
    assert b"nanosleep" in write.data


def test_a_disabled_profile_is_taken_off_the_node() -> None:
    sleeper = profile(state="Disabled")
    plan = decided(sleeper, status_on(of=sleeper, state="Installed", form="0" * 64), files={FILE: "0" * 64})

    assert kinds(plan) == ["RemoveFile", "Patch"]
    patch = plan.intents[1]
    assert isinstance(patch, Patch)
    assert patch.patch["status"] == "Disabled"
