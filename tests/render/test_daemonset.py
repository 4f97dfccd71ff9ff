from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from spo.model.meta import ObjectMeta
from spo.model.scheduling import Affinity, LocalObjectReference, ResourceRequirements, Toleration
from spo.model.spod import SecurityProfilesOperatorDaemon, SpodSpec
from spo.render.daemonset import DaemonSetSettings, daemonset

SETTINGS = DaemonSetSettings("operators", "registry.example/operator:1")


def rendered(settings: DaemonSetSettings = SETTINGS, **spec: Any) -> dict[str, Any]:
    return daemonset(spod(**spec), settings)


def spod(**spec: Any) -> SecurityProfilesOperatorDaemon:
    metadata = ObjectMeta(name="spod", namespace="operators", uid="1-2-3")
    return SecurityProfilesOperatorDaemon(metadata, SpodSpec(**spec))


def pod(**spec: Any) -> dict[str, Any]:
    found: dict[str, Any] = rendered(**spec)["spec"]["template"]["spec"]
    return found


def container(**spec: Any) -> dict[str, Any]:
    (found,) = pod(**spec)["containers"]
    return dict(found)


def form(manifest: dict[str, Any]) -> str:
    return str(manifest["metadata"]["annotations"]["spo.x-k8s.io/rendered"])


def test_it_selects_its_own_pods() -> None:
    spec = rendered()["spec"]
    assert spec["selector"]["matchLabels"] == {"app": "security-profiles-operator", "name": "spod"}
    assert spec["template"]["metadata"]["labels"] == spec["selector"]["matchLabels"]


def test_all_daemons_are_replaced_at_once() -> None:
    assert rendered()["spec"]["updateStrategy"]["rollingUpdate"] == {"maxUnavailable": "100%"}


def test_it_goes_with_its_spod() -> None:
    (owner,) = rendered()["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"], owner["controller"]) == (
        "SecurityProfilesOperatorDaemon",
        "spod",
        "1-2-3",
        True,
    )


def test_the_daemon_is_told_who_and_where_it_is() -> None:
    env = {each["name"]: each.get("value") or each["valueFrom"]["fieldRef"]["fieldPath"] for each in container()["env"]}
    assert env == {
        "NODE_NAME": "spec.nodeName",
        "OPERATOR_NAMESPACE": "metadata.namespace",
        "POD_NAME": "metadata.name",
        "SPOD_NAME": "spod",
        "KUBELET_DIR": "/var/lib/kubelet",
    }
    assert container()["args"] == ["daemon"]


def test_the_daemon_sees_its_directory_and_no_other() -> None:
    (volume,) = pod()["volumes"]
    (mount,) = container()["volumeMounts"]
    assert volume["hostPath"] == {"path": "/var/lib/kubelet/seccomp/operator", "type": "DirectoryOrCreate"}
    assert mount == {"name": volume["name"], "mountPath": "/var/lib/kubelet/seccomp/operator"}


def test_another_kubelet_directory_is_followed_everywhere() -> None:
    elsewhere = replace(SETTINGS, kubelet_dir="/data/kubelet/")
    (volume,) = rendered(elsewhere)["spec"]["template"]["spec"]["volumes"]
    assert volume["hostPath"]["path"] == "/data/kubelet/seccomp/operator"


def test_the_daemon_has_no_privileges() -> None:
    security = container()["securityContext"]
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert security["allowPrivilegeEscalation"] is False
    assert security["readOnlyRootFilesystem"] is True
    assert "privileged" not in security
    assert "hostPID" not in pod()


def test_requirements_replace_the_defaults_whole() -> None:
    asked = ResourceRequirements(requests={"memory": "256Mi", "cpu": "250m"})
    assert container(daemon_resource_requirements=asked)["resources"] == {
        "requests": {"memory": "256Mi", "cpu": "250m"}
    }
    assert container()["resources"]["limits"] == {"ephemeral-storage": "200Mi", "memory": "128Mi"}


def test_amounts_read_as_they_will_stand_in_the_api() -> None:
    asked = ResourceRequirements(limits={"memory": "1024Mi", "cpu": "0.5"})
    assert container(daemon_resource_requirements=asked)["resources"] == {"limits": {"memory": "1Gi", "cpu": "500m"}}


@pytest.mark.parametrize(("asked", "given"), [("mine", "mine"), ("", "system-node-critical")])
def test_the_priority_class_is_the_one_asked_for_or_the_default(asked: str, given: str) -> None:
    assert pod(priority_class_name=asked)["priorityClassName"] == given
    assert pod()["priorityClassName"] == "system-node-critical"


def test_unset_tolerations_are_those_of_control_planes_and_not_ready() -> None:
    assert [each["key"] for each in pod()["tolerations"]] == [
        "node-role.kubernetes.io/master",
        "node-role.kubernetes.io/control-plane",
        "node.kubernetes.io/not-ready",
    ]


def test_tolerations_that_are_set_replace_them() -> None:
    assert pod(tolerations=(Toleration(operator="Exists"),))["tolerations"] == [{"operator": "Exists"}]
    assert "tolerations" not in pod(tolerations=())


def test_what_is_not_asked_for_is_not_there() -> None:
    assert "affinity" not in pod()
    assert "imagePullSecrets" not in pod()
    assert pod(image_pull_secrets=(LocalObjectReference("a"),))["imagePullSecrets"] == [{"name": "a"}]


specs = st.builds(
    SpodSpec,
    priority_class_name=st.sampled_from(["a", "b"]),
    selinux_type_tag=st.sampled_from(["spc_t", "unconfined_t"]),
    tolerations=st.none() | st.just(()) | st.just((Toleration(operator="Exists"),)),
    affinity=st.none() | st.just(Affinity()),
    image_pull_secrets=st.lists(st.builds(LocalObjectReference, st.sampled_from("abc")), max_size=2).map(tuple),
)


@given(specs, specs)
def test_what_was_set_before_leaves_no_trace(first: SpodSpec, second: SpodSpec) -> None:
    before = rendered()
    daemonset(spod().with_spec(first), SETTINGS)
    assert rendered() == before
    forms = [form(daemonset(spod().with_spec(spec), SETTINGS)) for spec in (first, second)]
    bodies = [daemonset(spod().with_spec(spec), SETTINGS)["spec"] for spec in (first, second)]
    assert (forms[0] == forms[1]) == (bodies[0] == bodies[1])


def test_the_form_follows_the_image() -> None:
    assert form(rendered()) != form(rendered(replace(SETTINGS, image="registry.example/operator:2")))
    assert form(rendered()) == form(rendered())
