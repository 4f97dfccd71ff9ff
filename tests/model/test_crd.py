"""Our resource definitions, as the API server of the simulator understands them."""

from __future__ import annotations

from typing import Any

import pytest

from spo.model.crd import definitions
from spo.model.meta import ObjectMeta
from spo.model.spod import SecurityProfilesOperatorDaemon
from spo.sim.api.custom.schema import Schema

CRDS = {crd["spec"]["names"]["kind"]: crd for crd in definitions()}
SCHEMAS = {kind: Schema.compile(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]) for kind, crd in CRDS.items()}


def refused(kind: str, **fields: Any) -> str:
    """What the API has against an object with these fields, after pruning and defaulting."""
    made: dict[str, Any] = {"metadata": {"name": "x", "namespace": "default"}, **fields}
    schema = SCHEMAS[kind]
    schema.prune(made)
    schema.default(made)
    errors = schema.validate(made, None)
    errors += schema.check_rules(made, None, errors)
    return "; ".join(f"{error.path}: {error.message}" for error in errors)


def spod(**spec: Any) -> str:
    return refused("SecurityProfilesOperatorDaemon", spec=spec)


def profile(*syscalls: dict[str, Any], **spec: Any) -> str:
    return refused("SeccompProfile", spec={"defaultAction": "SCMP_ACT_ERRNO", "syscalls": list(syscalls), **spec})


def test_every_kind_of_ours_is_defined_as_the_documentation_has_it() -> None:
    forms = {
        kind: (crd["spec"]["versions"][0]["name"], crd["spec"]["scope"], *crd["spec"]["names"]["shortNames"])
        for kind, crd in CRDS.items()
    }
    assert forms == {
        "SeccompProfile": ("v1beta1", "Namespaced", "sp"),
        "SecurityProfileNodeStatus": ("v1alpha1", "Namespaced", "spns"),
        "SecurityProfilesOperatorDaemon": ("v1alpha1", "Namespaced", "spod"),
    }


def test_node_statuses_have_no_status_sub_resource() -> None:
    having = {kind for kind, crd in CRDS.items() if "status" in crd["spec"]["versions"][0].get("subresources", {})}
    assert having == {"SeccompProfile", "SecurityProfilesOperatorDaemon"}


@pytest.mark.parametrize("field", ["selinux", "enricher", "webhook", "scheduling", "security"])
def test_the_nested_form_of_spod_is_refused_by_name(field: str) -> None:
    assert spod(**{field: {"enable": True}}).startswith(f"spec.{field}: ")


@pytest.mark.parametrize("field", ["selinux", "enricher", "webhook", "scheduling", "security"])
def test_the_flat_fields_to_use_instead_are_told(field: str) -> None:
    root = CRDS["SecurityProfilesOperatorDaemon"]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    spec = root["properties"]["spec"]["properties"]
    told = spec[field]["description"].split("Set ")[1].removesuffix(" in spec.").replace(" and ", ", ").split(", ")
    assert told
    assert set(told) <= set(spec)


def test_a_spod_without_anything_has_the_documented_defaults() -> None:
    made: dict[str, Any] = {}
    SCHEMAS["SecurityProfilesOperatorDaemon"].default(made)
    assert made["spec"] == {
        "nonCompliantProfiles": "Delete",
        "priorityClassName": "system-node-critical",
        "selinuxOptions": {"allowedSystemProfiles": ["container"]},
        "selinuxTypeTag": "spc_t",
    }


def test_nouns_and_api_have_the_same_defaults() -> None:
    made: dict[str, Any] = {}
    SCHEMAS["SecurityProfilesOperatorDaemon"].default(made)
    plain = SecurityProfilesOperatorDaemon(ObjectMeta()).spec
    assert made["spec"]["priorityClassName"] == plain.priority_class_name
    assert made["spec"]["selinuxTypeTag"] == plain.selinux_type_tag
    assert made["spec"]["nonCompliantProfiles"] == plain.non_compliant_profiles


@pytest.mark.parametrize("quantity", ["256Mi", "0.5", "250m", "1e3", 1, 0])
def test_a_quantity_is_taken(quantity: object) -> None:
    assert spod(daemonResourceRequirements={"requests": {"memory": quantity}}) == ""


@pytest.mark.parametrize("quantity", ["lots", "256 Mi", "", "-1Mi", -1, "1MiB", [], True])
def test_what_is_no_quantity_is_refused(quantity: object) -> None:
    assert "spec.daemonResourceRequirements.requests.memory" in spod(
        daemonResourceRequirements={"requests": {"memory": quantity}}
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("verbosity", -1),
        ("nonCompliantProfiles", "Burn"),
        ("hostProcVolumePath", "/my-proc"),
        ("allowedSeccompActions", ["SCMP_ACT_DANCE"]),
        ("allowedSyscalls", ["exit", "exit"]),
        ("allowedSyscalls", "exit"),
        ("logEnricherSource", "Auditd"),
        ("webhookOptions", [{"failurePolicy": "Fail"}]),
        ("webhookOptions", [{"name": "a"}, {"name": "a"}]),
        ("jsonEnricherOptions", {"auditLogIntervalSeconds": 0}),
        ("imagePullSecrets", [{}]),
        ("tolerations", [{"operator": "Sometimes"}]),
    ],
)
def test_a_bad_setting_is_refused_by_name(field: str, value: object) -> None:
    assert f"spec.{field}" in spod(**{field: value})


def test_every_documented_setting_is_taken() -> None:
    selector = {"matchExpressions": [{"key": "spo-record", "operator": "In", "values": ["true"]}]}
    term = {"labelSelector": selector, "topologyKey": "kubernetes.io/hostname"}
    said = spod(
        allowedSyscalls=["exit", "exit_group", "futex", "nanosleep"],
        allowedSeccompActions=["SCMP_ACT_ALLOW"],
        webhookOptions=[{"name": "recording.spo.io", "objectSelector": selector}],
        daemonResourceRequirements={"requests": {"memory": "256Mi", "cpu": "250m"}, "limits": {"memory": "512Mi"}},
        priorityClassName="my-priority-class",
        enableLogEnricher=True,
        hostProcVolumePath="/proc/1/root",
        tolerations=[{"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 30}],
        affinity={"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}},
        imagePullSecrets=[{"name": "pull"}],
    )
    assert said == ""


@pytest.mark.parametrize(
    ("syscall", "field"),
    [
        ({"names": ["read"]}, "spec.syscalls[0].action"),
        ({"action": "SCMP_ACT_ALLOW"}, "spec.syscalls[0].names"),
        ({"names": [], "action": "SCMP_ACT_ALLOW"}, "spec.syscalls[0].names"),
        ({"names": [""], "action": "SCMP_ACT_ALLOW"}, "spec.syscalls[0].names[0]"),
        ({"names": ["read", "read"], "action": "SCMP_ACT_ALLOW"}, "spec.syscalls[0].names[1]"),
        ({"names": ["read"], "action": "ALLOW"}, "spec.syscalls[0].action"),
        ({"names": ["read"], "action": "SCMP_ACT_ERRNO", "errnoRet": -1}, "spec.syscalls[0].errnoRet"),
        ({"names": ["read"], "action": "SCMP_ACT_ERRNO", "errnoRet": "EPERM"}, "spec.syscalls[0].errnoRet"),
        (
            {"names": ["a"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 6, "op": "SCMP_CMP_EQ"}]},
            "spec.syscalls[0].args[0].index",
        ),
        (
            {"names": ["a"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "op": "=="}]},
            "spec.syscalls[0].args[0].op",
        ),
    ],
)
def test_a_bad_rule_is_refused_by_its_place(syscall: dict[str, Any], field: str) -> None:
    assert f"{field}: " in profile(syscall)


@pytest.mark.parametrize("errno", [0, 38, "38"])
def test_an_error_number_is_an_integer_or_a_text(errno: object) -> None:
    assert profile({"names": ["read"], "action": "SCMP_ACT_ERRNO", "errnoRet": errno}) == ""


def test_five_thousand_syscalls_are_taken() -> None:
    assert profile({"names": [f"call_{number}" for number in range(5000)], "action": "SCMP_ACT_ALLOW"}) == ""
    assert profile(*({"names": [f"call_{number}"], "action": "SCMP_ACT_ALLOW"} for number in range(5000))) == ""


def test_a_profile_must_say_what_happens_by_default() -> None:
    assert "spec.defaultAction" in refused("SeccompProfile", spec={"syscalls": []})
    assert "spec" in refused("SeccompProfile")


def test_a_profile_is_enabled_unless_it_says_otherwise() -> None:
    made: dict[str, Any] = {"spec": {"defaultAction": "SCMP_ACT_ERRNO"}}
    SCHEMAS["SeccompProfile"].default(made)
    assert made["spec"]["state"] == "Enabled"


def test_a_listener_stays_in_its_directory() -> None:
    assert profile(listenerPath="/var/run/security-profiles-operator/agent.sock") == ""
    assert "spec.listenerPath" in profile(listenerPath="/var/run/security-profiles-operator/../docker.sock")


def test_a_name_too_long_for_a_file_is_refused() -> None:
    spec = {"defaultAction": "SCMP_ACT_ERRNO"}
    assert refused("SeccompProfile", metadata={"name": "a" * 250}, spec=spec) == ""
    assert "metadata.name" in refused("SeccompProfile", metadata={"name": "a" * 251}, spec=spec)


def test_every_field_of_ours_is_described() -> None:
    def undescribed(schema: dict[str, Any], path: str) -> list[str]:
        found = [path] if path.count(".") == 2 and "description" not in schema and ".metadata." not in path else []
        for name, child in schema.get("properties", {}).items():
            found += undescribed(child, f"{path}.{name}")
        return found

    for kind, crd in CRDS.items():
        assert undescribed(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"], kind) == []
