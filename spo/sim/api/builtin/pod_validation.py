"""What makes a pod's spec invalid, and what may change in a pod that exists (pkg/apis/core/validation)."""

from __future__ import annotations

from typing import Any

from spo.sim.api import names
from spo.sim.api.builtin.podspec import CONTAINER_LISTS, containers
from spo.sim.api.field_errors import duplicate, forbidden, invalid, required, unsupported
from spo.sim.api.kinds import Object, clone
from spo.sim.api.status import FieldError

RESTART_POLICIES = ("Always", "OnFailure", "Never")
DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
PULL_POLICIES = ("Always", "IfNotPresent", "Never")
PROTOCOLS = ("TCP", "UDP", "SCTP")
PROFILE_TYPES = ("Localhost", "RuntimeDefault", "Unconfined")
PROFILES = {"seccompProfile": "seccomp", "appArmorProfile": "AppArmor"}  # field → how texts call it
MUTABLE = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
LEGACY_ANNOTATIONS = ("seccomp.security.alpha.kubernetes.io/pod", "container.seccomp.security.alpha.kubernetes.io/")


def check_spec(spec: Object, path: str = "spec") -> list[FieldError]:
    """Errors of a defaulted pod spec that stands at `path`."""
    errors = [] if spec.get("containers") else [required(f"{path}.containers")]
    errors += _choice(spec, path, "restartPolicy", RESTART_POLICIES)
    errors += _choice(spec, path, "dnsPolicy", DNS_POLICIES)
    if spec.get("nodeName"):
        errors += _subdomain(f"{path}.nodeName", spec["nodeName"])
    if spec.get("serviceAccountName"):
        errors += _subdomain(f"{path}.serviceAccountName", spec["serviceAccountName"])
    errors += _check_security(spec.get("securityContext") or {}, f"{path}.securityContext")
    errors += _check_volumes(spec.get("volumes") or [], f"{path}.volumes")
    volumes = {volume.get("name") for volume in spec.get("volumes") or ()}
    seen: set[str] = set()
    for place, container in containers(spec):
        errors += _check_container(container, f"{path}.{place}", volumes)
        name = container.get("name")
        if name in seen:
            errors.append(duplicate(f"{path}.{place}.name", name))
        seen.add(name or "")
    return errors


def check_pod(pod: Object, old: Object | None) -> list[FieldError]:
    """Errors of a new pod, or of a change of one."""
    if old is None:
        return check_spec(pod.get("spec") or {})
    if pod.get("spec") == old.get("spec"):
        return []
    errors = _check_images(pod["spec"])
    kept, before = _immutable_part(pod["spec"]), _immutable_part(old["spec"])
    if kept != before or not _only_adds(pod["spec"], old["spec"]) or not _only_opens(pod["spec"], old["spec"]):
        errors.append(forbidden("spec", MUTABLE))
    return errors


def warn_pod(pod: Object, old: Object | None) -> list[str]:
    """Annotations that once meant a seccomp profile and do nothing today."""
    if old is not None:
        return []
    annotations = pod["metadata"].get("annotations") or {}
    return [
        f'metadata.annotations[{name}]: non-functional in v1.27+; use the "seccompProfile" field instead'
        for name in annotations
        if name.startswith(LEGACY_ANNOTATIONS)
    ]


# -- parts -------------------------------------------------------------------------------------------------------


def _choice(target: Object, path: str, field: str, choices: tuple[str, ...]) -> list[FieldError]:
    value = target.get(field)
    return [] if value is None or value in choices else [unsupported(f"{path}.{field}", value, choices)]


def _subdomain(path: str, name: str) -> list[FieldError]:
    return [invalid(path, name, why) for why in names.subdomain_faults(name)]


def _check_container(container: Object, path: str, volumes: set[Any]) -> list[FieldError]:
    errors = []
    if not container.get("name"):
        errors.append(required(f"{path}.name"))
    else:
        errors += [invalid(f"{path}.name", container["name"], why) for why in names.label_faults(container["name"])]
    if not container.get("image"):
        errors.append(required(f"{path}.image"))
    errors += _choice(container, path, "imagePullPolicy", PULL_POLICIES)
    for index, port in enumerate(container.get("ports") or ()):
        errors += _check_port(port, f"{path}.ports[{index}]")
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        errors += _check_mount(mount, f"{path}.volumeMounts[{index}]", volumes)
    for index, variable in enumerate(container.get("env") or ()):
        if not variable.get("name"):
            errors.append(required(f"{path}.env[{index}].name"))
    return errors + _check_security(container.get("securityContext") or {}, f"{path}.securityContext")


def _check_port(port: Object, path: str) -> list[FieldError]:
    number = port.get("containerPort")
    errors = _choice(port, path, "protocol", PROTOCOLS)
    if number is None:
        errors.append(required(f"{path}.containerPort"))
    elif not 0 < number < 65536:
        errors.append(invalid(f"{path}.containerPort", number, "must be between 1 and 65535, inclusive"))
    return errors


def _check_mount(mount: Object, path: str, volumes: set[Any]) -> list[FieldError]:
    errors = []
    if not mount.get("name"):
        errors.append(required(f"{path}.name"))
    elif mount["name"] not in volumes:
        errors.append(FieldError(f"{path}.name", "FieldValueNotFound", f'Not found: "{mount["name"]}"'))
    if not mount.get("mountPath"):
        errors.append(required(f"{path}.mountPath"))
    return errors


def _check_volumes(volumes: list[Object], path: str) -> list[FieldError]:
    errors = []
    seen: set[str] = set()
    for index, volume in enumerate(volumes):
        name = volume.get("name")
        if not name:
            errors.append(required(f"{path}[{index}].name"))
        elif name in seen:
            errors.append(duplicate(f"{path}[{index}].name", name))
        seen.add(name or "")
    return errors


def _check_security(context: Object, path: str) -> list[FieldError]:
    errors = []
    for field, word in PROFILES.items():
        if field in context:
            errors += _check_profile(context[field], f"{path}.{field}", word)
    return errors


def _check_profile(profile: Object, path: str, word: str) -> list[FieldError]:
    kind, local = profile.get("type"), profile.get("localhostProfile")
    if kind == "Localhost":
        if local is None:
            return [required(f"{path}.localhostProfile", f"must be set when {word} type is Localhost")]
        return _check_reference(local, f"{path}.localhostProfile") if word == "seccomp" else []
    if not kind:
        return [required(f"{path}.type", f"type is required when {path.rpartition('.')[2]} is set")]
    if kind not in PROFILE_TYPES:
        return [unsupported(f"{path}.type", kind, PROFILE_TYPES)]
    if local is not None:
        shown = {"Type": kind, "LocalhostProfile": local} if word == "seccomp" else local
        return [invalid(f"{path}.localhostProfile", shown, f"can only be set when {word} type is Localhost")]
    return []


def _check_reference(local: str, path: str) -> list[FieldError]:
    if local.startswith("/"):
        return [invalid(path, local, "must be a relative path")]
    return [invalid(path, local, "must not contain '..'")] if ".." in local.split("/") else []


# -- changes -----------------------------------------------------------------------------------------------------


def _check_images(spec: Object) -> list[FieldError]:
    return [required(f"spec.{place}.image") for place, container in containers(spec) if not container.get("image")]


def _immutable_part(spec: Object) -> Object:
    """The spec without what may change."""
    mutable = ("activeDeadlineSeconds", "tolerations", "schedulingGates")
    part: Object = clone({name: value for name, value in spec.items() if name not in mutable})
    for field in CONTAINER_LISTS[:2]:
        for container in part.get(field) or ():
            container.pop("image", None)
    return part


def _only_adds(spec: Object, old: Object) -> bool:
    now = spec.get("tolerations") or []
    return all(toleration in now for toleration in old.get("tolerations") or ())


def _only_opens(spec: Object, old: Object) -> bool:
    """Gates before scheduling are taken away, never put up."""
    return all(gate in (old.get("schedulingGates") or ()) for gate in spec.get("schedulingGates") or ())
