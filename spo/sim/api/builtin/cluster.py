"""The kinds of the other groups: RBAC, leases, budgets, priorities, webhooks, runtime classes, CRDs."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from spo.model.resource import CRDS, LEASES, Resource
from spo.sim.api.builtin import shapes
from spo.sim.api.builtin.kind import BuiltIn
from spo.sim.api.builtin.podspec import fill
from spo.sim.api.custom import definitions
from spo.sim.api.field_errors import at_least, immutable, invalid, required, unsupported
from spo.sim.api.kinds import Object
from spo.sim.api.status import FieldError

RBAC = "rbac.authorization.k8s.io"
ADMISSION = "admissionregistration.k8s.io"
_STATUS = frozenset({"status"})
BUDGET_STATUS = dict.fromkeys(("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"), 0)
WEBHOOK: Object = {
    "failurePolicy": "Fail", "matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {},
    "timeoutSeconds": 10,
}  # fmt: skip
FAILURE_POLICIES = ("Fail", "Ignore")
SIDE_EFFECTS = ("None", "NoneOnDryRun")
REVIEW_VERSIONS = ("v1", "v1beta1")
PERCENT = re.compile(r"[0-9]+%")
NO_PERCENT = (
    "a valid percent string must be a numeric string followed by an ending '%' "
    "(e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"
)
SELECTOR_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")

# -- RBAC --------------------------------------------------------------------------------------------------------


def _default_role(role: Object) -> None:
    role.setdefault("rules", None)  # written even when there are none


def _default_binding(binding: Object) -> None:
    binding.setdefault("roleRef", {}).setdefault("apiGroup", RBAC)
    for subject in binding.get("subjects") or ():
        if subject.get("kind") in ("User", "Group"):
            subject.setdefault("apiGroup", RBAC)


def _check_role(role: Object, old: Object | None) -> list[FieldError]:
    return [
        required(f"rules[{index}].verbs", "verbs must contain at least one value")
        for index, rule in enumerate(role["rules"] or ())
        if not rule.get("verbs")
    ]


def _check_binding(binding: Object, old: Object | None) -> list[FieldError]:
    ref = binding["roleRef"]
    errors = [required("roleRef.name")] if not ref.get("name") else []
    if ref.get("kind") not in ("Role", "ClusterRole"):
        errors.append(unsupported("roleRef.kind", ref.get("kind", ""), ("ClusterRole", "Role")))
    if old is not None and ref != old["roleRef"]:
        shown = {"APIGroup": ref["apiGroup"], "Kind": ref.get("kind"), "Name": ref.get("name")}
        errors.append(invalid("roleRef", shown, "cannot change roleRef"))
    for index, subject in enumerate(binding.get("subjects") or ()):
        if not subject.get("name"):
            errors.append(required(f"subjects[{index}].name"))
        # In a RoleBinding it may be left out: it is that of the binding (plugin/pkg/auth/authorizer/rbac).
        everywhere = binding["kind"] == "ClusterRoleBinding"
        if everywhere and subject.get("kind") == "ServiceAccount" and not subject.get("namespace"):
            errors.append(required(f"subjects[{index}].namespace"))
    return errors


# -- leases, budgets, priorities, runtime classes ----------------------------------------------------------------


def _default_lease(lease: Object) -> None:
    lease.setdefault("spec", {})


def _check_lease(lease: Object, old: Object | None) -> list[FieldError]:
    spec = lease["spec"]
    errors = at_least("spec.leaseTransitions", spec.get("leaseTransitions", 0), 0)
    duration = spec.get("leaseDurationSeconds", 1)
    if duration <= 0:
        errors.append(invalid("spec.leaseDurationSeconds", duration, "must be greater than 0"))
    return errors


def _default_budget(budget: Object) -> None:
    budget.setdefault("spec", {})


def _check_budget(budget: Object, old: Object | None) -> list[FieldError]:
    """How many must be available, or may be missing: number or percentage, not both (pkg/apis/policy/validation)."""
    spec = budget["spec"]
    limits = {name: spec[name] for name in ("minAvailable", "maxUnavailable") if spec.get(name) is not None}
    errors = [error for name, limit in limits.items() for error in _check_share(limit, f"spec.{name}")]
    if len(limits) == 2:
        errors.insert(0, invalid("spec", spec, "minAvailable and maxUnavailable cannot be both set"))
    return errors + _check_selector(spec.get("selector") or {}, "spec.selector")


def _check_share(limit: Any, path: str) -> list[FieldError]:
    if isinstance(limit, int):
        return at_least(path, limit, 0)
    if not isinstance(limit, str) or not PERCENT.fullmatch(limit):
        return [invalid(path, limit, NO_PERCENT)]
    return [invalid(path, limit, "must not be greater than 100%")] if int(limit[:-1]) > 100 else []


def _check_priority(priority: Object, old: Object | None) -> list[FieldError]:
    if old is not None and priority.get("value") != old.get("value"):
        return [immutable("value", priority.get("value"))]
    return []


def _default_priority(priority: Object) -> None:
    fill(priority, {"value": 0, "preemptionPolicy": "PreemptLowerPriority"})


def _check_runtime_class(runtime: Object, old: Object | None) -> list[FieldError]:
    errors = [] if runtime.get("handler") else [required("handler")]
    if old is not None and runtime.get("handler") != old.get("handler"):
        errors.append(immutable("handler", runtime.get("handler")))
    return errors


# -- webhook configurations --------------------------------------------------------------------------------------


def _default_webhooks(configuration: Object) -> None:
    for hook in configuration.get("webhooks") or ():
        fill(hook, WEBHOOK)
        if configuration["kind"].startswith("Mutating"):
            hook.setdefault("reinvocationPolicy", "Never")
        service = hook.get("clientConfig", {}).get("service")
        if service:
            service.setdefault("port", 443)
        for rule in hook.get("rules") or ():
            rule.setdefault("scope", "*")


def _check_webhooks(configuration: Object, old: Object | None) -> list[FieldError]:
    return [
        error
        for index, hook in enumerate(configuration.get("webhooks") or ())
        for error in _check_webhook(hook, f"webhooks[{index}]")
    ]


def _check_webhook(hook: Object, path: str) -> list[FieldError]:
    errors = []
    name = hook.get("name", "")
    if len(name.split(".")) < 3:
        why = "should be a domain with at least three segments separated by dots"
        errors.append(invalid(f"{path}.name", name, why))
    if hook.get("sideEffects") not in SIDE_EFFECTS:
        errors.append(unsupported(f"{path}.sideEffects", hook.get("sideEffects", ""), SIDE_EFFECTS))
    if hook["failurePolicy"] not in FAILURE_POLICIES:
        errors.append(unsupported(f"{path}.failurePolicy", hook["failurePolicy"], FAILURE_POLICIES))
    if not 1 <= hook["timeoutSeconds"] <= 30:
        why = "the timeout value must be between 1 and 30 seconds"
        errors.append(invalid(f"{path}.timeoutSeconds", hook["timeoutSeconds"], why))
    versions = hook.get("admissionReviewVersions")
    if not versions:
        errors.append(required(f"{path}.admissionReviewVersions", f"must specify one of {', '.join(REVIEW_VERSIONS)}"))
    elif not set(versions) & set(REVIEW_VERSIONS):
        why = f"must include at least one of {', '.join(REVIEW_VERSIONS)}"
        errors.append(invalid(f"{path}.admissionReviewVersions", versions, why))
    for field in ("namespaceSelector", "objectSelector"):
        errors += _check_selector(hook[field], f"{path}.{field}")
    return errors + _check_client(hook.get("clientConfig") or {}, f"{path}.clientConfig")


def _check_selector(selector: Object, path: str) -> list[FieldError]:
    why = "not a valid selector operator"
    return [
        invalid(f"{path}.matchExpressions[{index}].operator", entry.get("operator", ""), why)
        for index, entry in enumerate(selector.get("matchExpressions") or ())
        if entry.get("operator") not in SELECTOR_OPERATORS
    ]


def _check_client(client: Object, path: str) -> list[FieldError]:
    if ("url" in client) == ("service" in client):
        return [required(path, "exactly one of url or service is required")]
    scheme = urlsplit(client.get("url", "https://")).scheme
    if scheme != "https":
        why = "'https' is the only allowed URL scheme; desired format: https://host[/path]"
        return [invalid(f"{path}.url", scheme, why)]
    return []


# -- CRDs --------------------------------------------------------------------------------------------------------


def _warn_definition(crd: Object, old: Object | None) -> list[str]:
    return definitions.warnings(crd)


# -- the kinds ---------------------------------------------------------------------------------------------------


def _kind(group: str, plural: str, kind: str, namespaced: bool = False, **more: Any) -> BuiltIn:
    resource = Resource(group, "v1", plural, kind, namespaced)
    return BuiltIn(resource=resource, type=kind, singular=kind.lower(), **{"shape": shapes.NAMED, **more})


_ROLE: dict[str, Any] = {"defaults": _default_role, "check": _check_role, "generation": False, "create_on_update": True}
_BINDING: dict[str, Any] = {**_ROLE, "defaults": _default_binding, "check": _check_binding}
_HOOKS: dict[str, Any] = {
    "shape": shapes.WEBHOOKS, "defaults": _default_webhooks, "check": _check_webhooks, "unconditional_update": False,
    "categories": ("api-extensions",),
}  # fmt: skip

KINDS = (
    _kind(RBAC, "roles", "Role", True, **_ROLE),
    _kind(RBAC, "rolebindings", "RoleBinding", True, **_BINDING),
    _kind(RBAC, "clusterroles", "ClusterRole", **_ROLE),
    _kind(RBAC, "clusterrolebindings", "ClusterRoleBinding", **_BINDING),
    BuiltIn(
        resource=LEASES,
        type="Lease",
        singular="lease",
        shape=shapes.NAMED,
        generation=False,
        create_on_update=True,
        unconditional_update=False,
        defaults=_default_lease,
        check=_check_lease,
    ),
    _kind(
        "policy",
        "poddisruptionbudgets",
        "PodDisruptionBudget",
        True,
        short_names=("pdb",),
        subresources=_STATUS,
        shape=shapes.BUDGET,
        initial_status=BUDGET_STATUS,
        unconditional_update=False,
        defaults=_default_budget,
        check=_check_budget,
    ),
    _kind(
        "scheduling.k8s.io",
        "priorityclasses",
        "PriorityClass",
        short_names=("pc",),
        defaults=_default_priority,
        check=_check_priority,
    ),
    _kind(
        "node.k8s.io",
        "runtimeclasses",
        "RuntimeClass",
        generation=False,
        unconditional_update=False,
        check=_check_runtime_class,
    ),
    _kind("discovery.k8s.io", "endpointslices", "EndpointSlice", True),
    _kind(ADMISSION, "mutatingwebhookconfigurations", "MutatingWebhookConfiguration", **_HOOKS),
    _kind(ADMISSION, "validatingwebhookconfigurations", "ValidatingWebhookConfiguration", **_HOOKS),
    BuiltIn(
        resource=CRDS,
        type="CustomResourceDefinition",
        singular="customresourcedefinition",
        short_names=("crd", "crds"),
        categories=("api-extensions",),
        subresources=_STATUS,
        shape=shapes.NAMED,
        unconditional_update=False,
        defaults=definitions.default,
        born=definitions.prepare_create,
        check=definitions.validate,
        warn=_warn_definition,
    ),
)
