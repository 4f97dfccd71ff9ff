"""Pods: what is filled in, what is refused, what may change (recorded: pod-defaults-validation)."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from spo.sim.api.builtin import TABLE
from spo.sim.api.builtin.podspec import quality
from spo.sim.api.kinds import Object

POD = TABLE["pods"]
SECCOMP = "spec.securityContext.seccompProfile"
NOT_READY = {
    "key": "node.kubernetes.io/not-ready",
    "operator": "Exists",
    "effect": "NoExecute",
    "tolerationSeconds": 300,
}
UNREACHABLE = {**NOT_READY, "key": "node.kubernetes.io/unreachable"}


def _pod(container: Any = None, **spec: Any) -> Object:
    containers = [{"name": "c", "image": "busybox:1", **(container or {})}]
    return {"metadata": {"name": "a", "generation": 1}, "spec": {"containers": containers, **spec}}


def _created(pod: Object) -> Object:
    POD.default(pod)
    POD.prepare_create(pod)
    return pod


def _texts(pod: Object, old: Object | None = None) -> list[str]:
    return [error.text for error in POD.validate(pod, old)]


def test_a_minimal_pod_is_filled_in() -> None:
    assert _created(_pod()) == {
        "metadata": {"name": "a", "generation": 1},
        "spec": {
            "containers": [
                {
                    "name": "c",
                    "image": "busybox:1",
                    "resources": {},
                    "terminationMessagePath": "/dev/termination-log",
                    "terminationMessagePolicy": "File",
                    "imagePullPolicy": "IfNotPresent",
                }
            ],
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30,
            "dnsPolicy": "ClusterFirst",
            "securityContext": {},
            "schedulerName": "default-scheduler",
            "priority": 0,
            "enableServiceLinks": True,
            "preemptionPolicy": "PreemptLowerPriority",
            "tolerations": [NOT_READY, UNREACHABLE],
        },
        "status": {"phase": "Pending", "qosClass": "BestEffort"},
    }


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("a", "Always"),
        ("a:latest", "Always"),
        ("a:1", "IfNotPresent"),
        ("host:5000/a", "Always"),
        ("a@sha256:0", "IfNotPresent"),
    ],
)
def test_images_without_a_fixed_tag_are_always_pulled(image: str, policy: str) -> None:
    pod = _created(_pod({"image": image}))

    assert pod["spec"]["containers"][0]["imagePullPolicy"] == policy


def test_a_toleration_of_ones_own_is_not_doubled() -> None:
    everything = _created(_pod(tolerations=[{"operator": "Exists"}]))
    one = _created(_pod(tolerations=[{"key": NOT_READY["key"], "operator": "Exists"}]))

    assert everything["spec"]["tolerations"] == [{"operator": "Exists"}]
    assert one["spec"]["tolerations"][1:] == [UNREACHABLE]


def test_parts_of_containers_and_volumes_are_filled_in() -> None:
    pod = _created(
        _pod(
            {"ports": [{"containerPort": 80}], "livenessProbe": {"httpGet": {"port": 1}}},
            hostNetwork=True,
            volumes=[
                {"name": "e"},
                {"name": "c", "configMap": {"name": "x"}},
                {"name": "h", "hostPath": {"path": "/"}},
            ],
        )
    )

    container = pod["spec"]["containers"][0]
    assert container["ports"] == [{"containerPort": 80, "protocol": "TCP", "hostPort": 80}]
    assert container["livenessProbe"]["httpGet"] == {"port": 1, "path": "/", "scheme": "HTTP"}
    assert pod["spec"]["volumes"] == [
        {"name": "e", "emptyDir": {}},
        {"name": "c", "configMap": {"name": "x", "defaultMode": 420}},
        {"name": "h", "hostPath": {"path": "/", "type": ""}},
    ]


def test_filling_in_twice_changes_nothing() -> None:
    pod = _created(_pod(serviceAccountName="s", volumes=[{"name": "e"}]))
    again = copy.deepcopy(pod)

    POD.default(again)

    assert again == pod


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({}, "BestEffort"),
        ({"requests": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}, "Burstable"),
    ],
)
def test_the_class_of_service_follows_from_the_resources(resources: Any, expected: str) -> None:
    assert quality({"containers": [{"resources": resources}]}) == expected


@pytest.mark.parametrize(
    ("spec", "texts"),
    [
        ({"containers": []}, ["spec.containers: Required value"]),
        ({"containers": [{}]}, ["spec.containers[0].name: Required value", "spec.containers[0].image: Required value"]),
        (
            {"restartPolicy": "Sometimes"},
            ['spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"'],
        ),
        (
            {"containers": [{"name": "c", "image": "x"}, {"name": "c", "image": "y"}]},
            ['spec.containers[1].name: Duplicate value: "c"'],
        ),
        (
            {"securityContext": {"appArmorProfile": {"type": "Localhost"}}},
            [
                "spec.securityContext.appArmorProfile.localhostProfile: Required value: "
                "must be set when AppArmor type is Localhost"
            ],
        ),
        (
            {"containers": [{"name": "c", "image": "x", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}]},
            ['spec.containers[0].volumeMounts[0].name: Not found: "v"'],
        ),
    ],
)
def test_each_way_to_be_wrong_has_upstreams_words(spec: Any, texts: list[str]) -> None:
    assert _texts(_created(_pod(**spec))) == texts


@pytest.mark.parametrize(
    ("profile", "text"),
    [
        (
            {"type": "Localhost"},
            f"{SECCOMP}.localhostProfile: Required value: must be set when seccomp type is Localhost",
        ),
        (
            {"type": "Localhost", "localhostProfile": "/abs.json"},
            f'{SECCOMP}.localhostProfile: Invalid value: "/abs.json": must be a relative path',
        ),
        (
            {"type": "Localhost", "localhostProfile": "../x.json"},
            f"{SECCOMP}.localhostProfile: Invalid value: \"../x.json\": must not contain '..'",
        ),
        (
            {"type": "Other"},
            f'{SECCOMP}.type: Unsupported value: "Other": supported values: '
            '"Localhost", "RuntimeDefault", "Unconfined"',
        ),
        (
            {"type": "RuntimeDefault", "localhostProfile": "x"},
            f'{SECCOMP}.localhostProfile: Invalid value: {{"Type":"RuntimeDefault","LocalhostProfile":"x"}}: '
            "can only be set when seccomp type is Localhost",
        ),
    ],
)
def test_a_seccomp_profile_is_referred_to_properly(profile: Any, text: str) -> None:
    assert _texts(_created(_pod(securityContext={"seccompProfile": profile}))) == [text]


def test_a_localhost_profile_below_the_kubelets_directory_is_fine() -> None:
    profile = {"type": "Localhost", "localhostProfile": "operator/default/a.json"}

    assert _texts(_created(_pod(securityContext={"seccompProfile": profile}))) == []


def test_of_a_pod_that_exists_only_little_may_change() -> None:
    old = _created(_pod())
    image, node, toleration = (copy.deepcopy(old) for _ in range(3))
    image["spec"]["containers"][0]["image"] = "busybox:2"
    node["spec"]["nodeName"] = "n1"
    toleration["spec"]["tolerations"].append({"key": "k"})

    assert _texts(image, old) == []
    assert _texts(toleration, old) == []
    assert _texts(node, old)[0].startswith("spec: Forbidden: pod updates may not change fields other than")
    assert _texts(old, toleration) != [], "tolerations are only ever added"


def test_a_status_write_keeps_the_class_and_completes_conditions() -> None:
    old = _created(_pod())
    new = {**copy.deepcopy(old), "status": {"phase": "Running", "podIP": "10.0.0.1", "conditions": [{"type": "Ready"}]}}
    POD.default(new)

    POD.prepare_status(new, old)

    assert new["status"] == {
        "phase": "Running",
        "podIP": "10.0.0.1",
        "podIPs": [{"ip": "10.0.0.1"}],
        "conditions": [{"type": "Ready", "lastProbeTime": None, "lastTransitionTime": None}],
        "qosClass": "BestEffort",
    }


def test_pods_are_selected_by_the_fields_of_the_field_table() -> None:
    pod = _created(_pod(nodeName="n1"))

    fields = POD.fields(pod)

    assert (fields["spec.nodeName"], fields["status.phase"], fields["spec.hostNetwork"]) == ("n1", "Pending", "false")
    assert "spec.priority" not in POD.supported_fields


def test_an_annotation_of_old_is_warned_of() -> None:
    pod = _pod()
    pod["metadata"]["annotations"] = {"seccomp.security.alpha.kubernetes.io/pod": "localhost/x"}

    assert POD.warnings(pod, None) == [
        "metadata.annotations[seccomp.security.alpha.kubernetes.io/pod]: non-functional in v1.27+; "
        'use the "seccompProfile" field instead'
    ]
