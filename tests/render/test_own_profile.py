"""The profile of the operator's own containers, and the init container that lays it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from spo.model.meta import ObjectMeta
from spo.model.seccomp import file_from_localhost
from spo.model.spod import SecurityProfilesOperatorDaemon, SpodSpec
from spo.render.bases import BASES
from spo.render.daemonset import DaemonSetSettings, daemonset
from spo.render.install import manager
from spo.render.own_profile import DATA, FILE, FORM, KIN, MEASURED, PROFILE, confinement
from spo.render.seccomp import form_of, unknown_syscalls

ELSEWHERE = "/data/kubelet"


def pod_of(role: str) -> dict[str, Any]:
    if role == "manager":
        manifest = manager("operators", "spo:1")
    else:
        spod = SecurityProfilesOperatorDaemon(ObjectMeta(name="spod"), SpodSpec(selinux_type_tag="unconfined_t"))
        manifest = daemonset(spod, DaemonSetSettings("operators", "spo:1", "Never", ELSEWHERE))
    pod: dict[str, Any] = manifest["spec"]["template"]["spec"]
    return pod


def test_it_refuses_whatever_it_does_not_name() -> None:
    (rule,) = json.loads(DATA)["syscalls"]
    assert json.loads(DATA)["defaultAction"] == "SCMP_ACT_ERRNO"
    assert rule["action"] == "SCMP_ACT_ALLOW"
    assert unknown_syscalls(PROFILE) == ()


@pytest.mark.parametrize("base", BASES, ids=lambda base: base.name)
def test_a_container_starts_under_it_with_either_runtime(base: Any) -> None:
    (rule,) = json.loads(DATA)["syscalls"]
    assert set(base.calls) <= set(rule["names"])


def test_nothing_is_named_twice() -> None:
    named = [*MEASURED.split(), *KIN.split()]
    assert len(named) == len(set(named))


@pytest.mark.parametrize(
    "syscall", ["mount", "ptrace", "bpf", "unshare", "setns", "chroot", "mknodat", "symlinkat", "chown", "memfd_create"]
)
def test_what_no_process_of_ours_does_is_not_in_it(syscall: str) -> None:
    (rule,) = json.loads(DATA)["syscalls"]
    assert syscall not in rule["names"]


def test_another_content_has_another_name_and_none_is_that_of_an_objects_file() -> None:
    assert form_of(DATA) == FORM
    assert FORM[:8] in FILE
    assert file_from_localhost(confinement()["localhostProfile"]) is None


@pytest.mark.parametrize("role", ["manager", "daemon"])
def test_the_init_container_lays_it_where_the_container_looks_for_it(role: str) -> None:
    pod = pod_of(role)
    (layer,), (container,) = pod["initContainers"], pod["containers"]
    assert layer["args"] == ["lay-profile", f"--as={FILE}"]
    assert container["securityContext"]["seccompProfile"] == {
        "type": "Localhost",
        "localhostProfile": f"operator/{FILE}",
    }
    assert layer["image"] == container["image"]
    assert layer["imagePullPolicy"] == container["imagePullPolicy"]


@pytest.mark.parametrize(("role", "kubelet_dir"), [("manager", "/var/lib/kubelet"), ("daemon", ELSEWHERE)])
def test_the_init_container_sees_that_directory_and_no_other(role: str, kubelet_dir: str) -> None:
    pod = pod_of(role)
    (layer,), (volume,) = pod["initContainers"], pod["volumes"]
    (mount,) = layer["volumeMounts"]
    assert layer["env"] == [{"name": "KUBELET_DIR", "value": kubelet_dir}]
    assert volume["hostPath"] == {"path": f"{kubelet_dir}/seccomp/operator", "type": "DirectoryOrCreate"}
    assert mount == {"name": volume["name"], "mountPath": f"{kubelet_dir}/seccomp/operator"}


@pytest.mark.parametrize(("role", "selinux_type"), [("manager", "spc_t"), ("daemon", "unconfined_t")])
def test_the_init_container_is_root_without_capabilities_and_confined(role: str, selinux_type: str) -> None:
    (layer,) = pod_of(role)["initContainers"]
    assert layer["securityContext"] == {
        "runAsUser": 0,
        "runAsGroup": 0,
        "runAsNonRoot": False,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
        "seLinuxOptions": {"type": selinux_type},
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def test_the_manager_itself_gains_nothing_by_it() -> None:
    (container,) = pod_of("manager")["containers"]
    assert "volumeMounts" not in container
    assert container["securityContext"]["runAsUser"] == 65535
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
