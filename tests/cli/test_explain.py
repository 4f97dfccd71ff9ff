"""`spo explain allow-list`: what another list would do to each profile, in words and as facts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from spo.cli.main import main

API = "security-profiles-operator.x-k8s.io"
FORM = "0" * 64


class Explained(NamedTuple):
    """One run, and what it said."""

    code: int
    out: str
    err: str

    @property
    def profiles(self) -> dict[str, Any]:
        return {each["name"]: each for each in json.loads(self.out)["profiles"]}


def profile(name: str, *allowed: str, namespace: str = "shop", **spec: Any) -> dict[str, Any]:
    rules = [{"action": "SCMP_ACT_ALLOW", "names": list(allowed)}] if allowed else []
    return {
        "apiVersion": f"{API}/v1beta1",
        "kind": "SeccompProfile",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": rules, **spec},
    }


def spod(namespace: str = "security-profiles-operator", **spec: Any) -> dict[str, Any]:
    metadata = {"namespace": namespace, "name": "spod"}
    kind = "SecurityProfilesOperatorDaemon"
    return {"apiVersion": f"{API}/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}


def pod(name: str, node: str, under: str) -> dict[str, Any]:
    context = {"seccompProfile": {"type": "Localhost", "localhostProfile": under}}
    spec = {"nodeName": node, "securityContext": context, "containers": [{"name": "main", "image": "x"}]}
    metadata = {"namespace": "shop", "name": name}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": {"phase": "Running"}}


def living(obj: dict[str, Any], **status: Any) -> dict[str, Any]:
    """As a server gives it back."""
    set_by_server = {"uid": obj["metadata"]["name"], "creationTimestamp": "2026-01-01T00:00:00Z"}
    return {**obj, "metadata": {**obj["metadata"], **set_by_server, "resourceVersion": "7"}, "status": status}


@pytest.fixture
def explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*objects: dict[str, Any], options: tuple[str, ...], form: str = "json") -> Explained:
        file = tmp_path / "given.yaml"
        file.write_text(yaml.safe_dump_all(objects))
        code = main(["explain", "allow-list", "-f", str(file), "-o", form, *options])
        said = capsys.readouterr()
        return Explained(code, said.out, said.err)

    return run


def test_what_keeps_to_the_list_stays_and_the_rest_would_be_removed(explained: Any) -> None:
    said = explained(profile("good", "read"), profile("bad", "read", "mount"), options=("--list", "read"))

    assert said.code == 1
    assert {name: each["fate"] for name, each in said.profiles.items() if each["namespace"] == "shop"} == {
        "good": "kept",
        "bad": "removed",
    }
    assert said.profiles["bad"]["offences"] == [{"syscall": "mount", "action": "SCMP_ACT_ALLOW"}]
    assert json.loads(said.out)["missing"] == {"syscalls": ["mount"], "actions": []}


def test_a_name_that_no_kernel_has_is_told_against_the_profile_and_not_put_on_the_list(explained: Any) -> None:
    given = (profile("slip", "read", "socketcal"), profile("other", "mount"))
    said = explained(*given, options=("--list", "read"))
    assert said.profiles["slip"]["slips"] == ["socketcal"]
    assert json.loads(said.out)["missing"]["syscalls"] == ["mount"]

    said = explained(*given, options=("--list", "read"), form="text")
    assert "no kernel has socketcal: it is the profile that wants correcting, did you mean socketcall?" in said.out
    assert "To keep them all, add to the syscalls: mount\n" in said.out
    assert "Correct the names that no kernel has, in shop/slip (socketcal)" in said.out


def of_pods(kind: str, name: str, under: str) -> dict[str, Any]:
    """A workload whose pods run under a profile."""
    context = {"seccompProfile": {"type": "Localhost", "localhostProfile": under}}
    template = {"spec": {"securityContext": context, "containers": [{"name": "main", "image": "x"}]}}
    spec = {"jobTemplate": {"spec": {"template": template}}} if kind == "CronJob" else {"template": template}
    api = "batch/v1" if kind in ("Job", "CronJob") else "apps/v1"
    return {"apiVersion": api, "kind": kind, "metadata": {"namespace": "shop", "name": name}, "spec": spec}


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob"])
def test_a_workload_that_cannot_start_again_is_named_though_no_pod_of_it_is_in_the_input(
    explained: Any, kind: str
) -> None:
    given = (profile("bad", "mount"), profile("good", "read"))
    said = explained(
        *given,
        of_pods(kind, "web", "operator/shop/bad.json"),
        of_pods(kind, "fine", "operator/shop/good.json"),
        options=("--list", "read"),
    )
    assert said.profiles["bad"]["workloads"] == [f"{kind} shop/web"]
    assert said.profiles["good"]["workloads"] == []


def test_a_pod_and_a_replica_set_are_told_with_their_owner_and_without_one_by_themselves(explained: Any) -> None:
    deployment = living(of_pods("Deployment", "web", "operator/shop/bad.json"))
    replicas = living(of_pods("ReplicaSet", "web-1", "operator/shop/bad.json"))
    replicas["metadata"]["ownerReferences"] = [{"uid": "web", "kind": "Deployment", "name": "web"}]
    owned = living(pod("web-1-x", "node-1", "operator/shop/bad.json"), phase="Running")
    owned["metadata"]["ownerReferences"] = [{"uid": "web-1", "kind": "ReplicaSet", "name": "web-1"}]
    bare = living(pod("bare", "node-2", "operator/shop/bad.json"), phase="Running")
    ended = living(pod("ended", "node-2", "operator/shop/bad.json"), phase="Succeeded")

    said = explained(
        profile("bad", "mount"), deployment, replicas, owned, bare, ended, options=("--list", "read"), form="text"
    )

    assert "Cannot start again after their next restart: 2 workloads" in said.out
    assert "  shop       Deployment web  shop/bad removed" in said.out
    assert "  shop       Pod bare        shop/bad removed" in said.out
    assert "stays on 2 nodes until 2 pods are gone" in said.out


def test_the_first_screen_has_the_answer_the_workloads_and_what_mends_it_and_details_have_it_all(
    explained: Any,
) -> None:
    given = [profile(f"p{number}", "mount", f"write{'v' * (number % 2)}") for number in range(40)]
    given += [of_pods("Deployment", f"d{number:02}", f"operator/shop/p{number}.json") for number in range(40)]
    given += [profile(f"k{number}", "read") for number in range(30)]
    said = explained(*given, options=("--list", "read"), form="text")

    screen = "\n".join(said.out.split("\n")[:40])
    assert "✗ of 70 profiles, 40 would be removed, 30 stay installed" in screen
    assert "To keep them all, add to the syscalls: mount, write, writev" in screen
    assert "Cannot start again after their next restart: 40 workloads" in screen
    assert "and 20 more (--details)" in screen
    assert "and 10 more (--details)" in said.out  # of those that stay
    whole = explained(*given, options=("--list", "read", "--details"), form="text")
    assert "(--details)" not in whole.out
    assert "Deployment d39" in whole.out and "shop/k29" in whole.out


def test_a_list_that_harms_nobody_is_exit_code_0(explained: Any) -> None:
    said = explained(profile("good", "read"), options=("--list", "read,write"), form="text")

    assert said.code == 0
    assert "no profile would be removed or rejected" in said.out


def test_what_a_base_lets_through_is_named_with_the_base_also_of_one_that_ships(explained: Any) -> None:
    said = explained(profile("built", "exit_group", baseProfileName="runc-v1.0.0"), options=("--list", "exit_group"))

    (base,) = {each["base"] for each in said.profiles["built"]["offences"]}
    assert base == "security-profiles-operator/runc-v1.0.0"
    assert said.profiles["runc-v1.0.0"]["fate"] == "kept", "the operator's own is under no list"


def test_a_living_profile_is_judged_by_its_status(explained: Any) -> None:
    never = living(profile("never", "mount"), status="Error")
    edited = living(profile("edited", "mount"), status="Installed", installedForm=FORM)
    stands = living(profile("stands", "mount"), status="Installed")
    said = explained(never, edited, stands, options=("--list", "read"))

    assert {name: said.profiles[name]["fate"] for name in ("never", "edited", "stands")} == {
        "never": "rejected",
        "edited": "rejected",
        "stands": "removed",
    }


def test_what_the_present_list_rejects_and_the_new_one_permits_would_be_installed(explained: Any) -> None:
    rejected = living(profile("sleeper", "nanosleep"), status="Error")
    said = explained(rejected, spod(allowedSyscalls=["read"]), options=("--list", "read,nanosleep"))

    assert (said.code, said.profiles["sleeper"]["fate"]) == (0, "installed")


def test_with_uninstall_objects_are_kept(explained: Any, tmp_path: Path) -> None:
    new = tmp_path / "spod.yaml"
    new.write_text(yaml.safe_dump(spod(allowedSyscalls=["read"], nonCompliantProfiles="Uninstall")))
    said = explained(profile("bad", "mount"), options=("--spod", str(new)))

    assert (said.code, said.profiles["bad"]["fate"]) == (1, "rejected")


def test_an_empty_list_of_a_spod_is_told_and_is_no_yes(explained: Any, tmp_path: Path) -> None:
    new = tmp_path / "spod.yaml"
    new.write_text(yaml.safe_dump(spod(allowedSyscalls=[])))
    options = ("--spod", str(new))

    said = explained(profile("p", "read"), options=options, form="text")
    assert said.code == 1
    assert "all (an empty list)" in said.out
    assert "✗ EmptyList: spec.allowedSyscalls: an empty list restricts nothing" in said.out

    facts = json.loads(explained(profile("p", "read"), options=options).out)
    assert facts["harmless"] is False
    assert any(note.startswith("EmptyList: ") for note in facts["notes"])
    assert explained(profile("p", "read"), options=("--list", "")).code == 0


def test_pods_that_use_a_profile_keep_it_on_their_node(explained: Any) -> None:
    web = pod("web", "node-2", "operator/shop/bad.json")
    ended = {**pod("ended", "node-1", "operator/shop/bad.json"), "status": {"phase": "Succeeded"}}
    said = explained(profile("bad", "mount"), living(web, phase="Running"), ended, options=("--list", "read"))

    assert said.profiles["bad"]["staysOn"] == ["node-2"]
    assert said.profiles["bad"]["users"] == [{"pod": "shop/web", "node": "node-2"}]


def test_pods_whose_profile_is_not_in_the_input_are_named(explained: Any) -> None:
    other = pod("web", "node-2", "operator/shop/other.json")
    own = pod("own", "node-2", "operator/security-profiles-operator/runc-v1.0.0.json")
    said = explained(profile("good", "read"), living(other), living(own), options=("--list", "read"), form="text")

    assert "operator/shop/other.json is used by 1 pod, and no such profile is in the input" in " ".join(
        said.out.split()
    )
    assert "runc-v1.0.0.json" not in said.out


def test_only_allowed_actions_let_through(explained: Any) -> None:
    said = explained(profile("bad", "read"), options=("--actions", "SCMP_ACT_LOG"), form="text")

    assert said.code == 1
    assert "uses SCMP_ACT_ALLOW, which is not an allowed action, for read" in said.out


def test_a_profile_that_lets_everything_through_by_default_is_told_that_no_list_permits_it(explained: Any) -> None:
    logs = profile("logs", defaultAction="SCMP_ACT_LOG")
    said = explained(logs, profile("bad", "mount"), options=("--list", "read"), form="text")

    assert "lets every syscall through by default (SCMP_ACT_LOG)" in said.out
    assert "No list permits a profile that lets everything through by default: shop/logs" in said.out
    assert "To keep the others, add to the syscalls: mount" in said.out


def test_what_is_wrong_in_two_ways_is_told_in_both_and_the_advice_is_enough(explained: Any) -> None:
    both = profile("both", "read", "ptrace")
    both["spec"]["syscalls"].append({"action": "SCMP_ACT_LOG", "names": ["mount"]})
    options = ("--list", "read", "--actions", "SCMP_ACT_ALLOW")

    said = explained(both, options=options)
    missing = json.loads(said.out)["missing"]
    assert missing == {"syscalls": ["mount", "ptrace"], "actions": ["SCMP_ACT_LOG"]}
    text = explained(both, options=options, form="text").out
    assert "To keep them all, add to the syscalls: mount, ptrace; and to the actions: SCMP_ACT_LOG" in text

    advised = ("--list", "read,mount,ptrace", "--actions", "SCMP_ACT_ALLOW,SCMP_ACT_LOG")
    assert explained(both, options=advised).code == 0


def test_no_action_helps_where_a_default_lets_everything_through_beside_a_list(explained: Any) -> None:
    logs = profile("logs", defaultAction="SCMP_ACT_LOG")
    said = explained(logs, options=("--list", "read", "--actions", "SCMP_ACT_ALLOW"), form="text")

    assert "lets every syscall through by default (SCMP_ACT_LOG, which is not an allowed action)" in said.out
    assert "No list permits a profile that lets everything through by default: shop/logs" in said.out
    assert "To keep" not in said.out


def test_nothing_stays_where_no_file_is(explained: Any) -> None:
    waits = pod("waits", "node-1", "operator/shop/bad.json")
    rejected = living({**profile("bad", "mount"), "status": {"status": "Error"}})
    said = explained(rejected, living(waits, phase="Pending"), options=("--list", "read"))

    assert said.profiles["bad"]["fate"] == "rejected"
    assert said.profiles["bad"]["staysOn"] == []


def test_what_no_list_has_to_do_with_is_told_apart(explained: Any) -> None:
    lost = profile("lost", "mount", baseProfileName="nowhere")
    said = explained(lost, profile("off", "mount", state="Disabled"), options=("--list", "read"))

    assert said.code == 0
    assert said.profiles["lost"]["fate"] == said.profiles["off"]["fate"] == "untouched"
    assert "nowhere" in said.profiles["lost"]["why"]


def test_a_name_that_no_kernel_has_is_remarked_on_wherever_the_list_comes_from(explained: Any, tmp_path: Path) -> None:
    new = tmp_path / "spod.yaml"
    new.write_text(yaml.safe_dump(spod(allowedSyscalls=["read", "nanosleeep"])))
    for options in (("--list", "read,nanosleeep"), ("--spod", str(new))):
        said = explained(profile("p", "read"), options=options, form="text")

        assert "no kernel we know has a syscall nanosleeep; did you mean nanosleep?" in said.out


def test_what_conditions_would_say_against_a_profile_is_told_with_it_under_any_list(explained: Any) -> None:
    given = profile("kept", "read", flags=["SECCOMP_FILTER_FLAG_LOG"])
    killing = profile("killing", "read", "mount", baseProfileName="kept")
    killing["spec"]["syscalls"].append({"action": "SCMP_ACT_KILL", "names": ["read"]})

    said = explained(given, killing, options=("--list", "read"))
    assert [each.split(":")[0] for each in said.profiles["kept"]["remarks"]] == ["DependsOnRuntime"]
    (remark,) = said.profiles["killing"]["remarks"]
    assert remark.startswith("RefusalsDropped: base shop/kept lets through: read (SCMP_ACT_KILL)")
    assert "remarks" not in said.profiles["runc-v1.0.0"] or said.profiles["runc-v1.0.0"]["remarks"] == []

    text = explained(given, killing, options=("--list", "read"), form="text").out
    assert "DependsOnRuntime: SECCOMP_FILTER_FLAG_LOG: runc before 1.2 takes no flags" in text
    assert "RefusalsDropped: base shop/kept lets through: read (SCMP_ACT_KILL)" in text
    assert text.count("→ ") >= 2, "with their remedies"


def test_what_no_runtime_loads_is_no_matter_of_the_list(explained: Any) -> None:
    asking = profile("asking", "read")
    asking["spec"]["syscalls"].append({"action": "SCMP_ACT_NOTIFY", "names": ["mount"]})
    said = explained(asking, options=("--list", "read"))

    assert said.profiles["asking"]["fate"] == "untouched"
    assert "rule 2 (spec.syscalls[1]) has SCMP_ACT_NOTIFY on mount" in said.profiles["asking"]["why"]


def test_the_same_facts_are_there_as_yaml(explained: Any) -> None:
    given = (profile("bad", "mount"),)
    as_yaml = yaml.safe_load(explained(*given, options=("--list", "read"), form="yaml").out)

    assert as_yaml == json.loads(explained(*given, options=("--list", "read")).out)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "no list to look at"),
        (("--list", "read", "--spod", "x.yaml"), "leave out --list and --actions, or --spod"),
        (("--spod", "no-such-file.yaml"), "there is no such file"),
        (("--actions", "ALLOW"), "did you mean SCMP_ACT_ALLOW?"),
        (("--actions", "SCMP_ACT_ERRNO"), "is no action that lets a syscall through"),
    ],
)
def test_bad_options_are_told_and_exit_code_2(explained: Any, options: tuple[str, ...], told: str) -> None:
    said = explained(profile("p", "read"), options=options)

    assert said.code == 2
    assert told in said.err


def test_a_profile_that_the_api_would_refuse_is_bad_input_with_its_line(explained: Any) -> None:
    said = explained(profile("bad", defaultAction="ALLOW"), options=("--list", "read"))

    assert said.code == 2
    assert "spec.defaultAction" in said.err and "given.yaml:" in said.err


def test_one_bad_profile_among_others_is_named_and_left_out(explained: Any) -> None:
    good, bad = profile("good", "read"), profile("bad", "read", defaultAction="SCMP_ACT_MAYBE")
    said = explained(good, bad, options=("--list", "read"), form="text")
    assert said.code == 0
    assert "no profile would be removed or rejected: 1 stay installed" in said.out
    assert "SeccompProfile shop/bad" in said.out and "is left out: spec.defaultAction" in said.out


def test_what_a_dump_says_in_the_words_of_another_release_is_told(explained: Any) -> None:
    said = explained(living(profile("old", "read", disabled=True)), options=("--list", "read"), form="text")

    assert "SeccompProfile shop/old: spec.disabled is no field of the CRD here" in said.out + said.err
    assert "`spo convert` writes what another release meant by it" in said.out + said.err


def test_a_newer_form_of_spod_is_refused_by_name(explained: Any, tmp_path: Path) -> None:
    new = tmp_path / "spod.yaml"
    new.write_text(yaml.safe_dump({**spod(), "apiVersion": f"{API}/v1"}))
    said = explained(profile("p", "read"), options=("--spod", str(new)))

    assert said.code == 2
    assert "does not serve" in said.err


def test_two_spods_need_a_word_on_which_counts(explained: Any) -> None:
    spods = (living(spod(allowedSyscalls=["read"])), living(spod("openshift-security-profiles")))
    said = explained(profile("bad", "mount"), *spods, options=("--list", "read"))
    assert said.code == 2 and "--operator-namespace" in said.err

    one = explained(
        profile("bad", "mount"), *spods, options=("--list", "", "--operator-namespace", "openshift-security-profiles")
    )
    assert one.code == 0
    assert one.profiles["runc-v1.0.0"]["namespace"] == "openshift-security-profiles"
