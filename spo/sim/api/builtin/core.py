"""The small kinds of the core group: namespaces, nodes, configuration, accounts, services, events."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Any
from zlib import crc32

from spo.model.resource import EVENTS, NAMESPACES, NODES, Resource
from spo.sim.api.builtin import shapes
from spo.sim.api.builtin.kind import BuiltIn
from spo.sim.api.builtin.podspec import fill
from spo.sim.api.field_errors import forbidden, immutable, invalid, required, unsupported
from spo.sim.api.kinds import METADATA_FIELDS, Object, clone
from spo.sim.api.status import FieldError

NAMESPACE_LABEL = "kubernetes.io/metadata.name"
NAMESPACE_FINALIZER = "kubernetes"
NOT_READY_TAINT = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}
TAINT_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
NODE_STATUS: Object = {
    "daemonEndpoints": {"kubeletEndpoint": {"Port": 0}},
    "nodeInfo": dict.fromkeys(
        ("machineID", "systemUUID", "bootID", "kernelVersion", "osImage", "containerRuntimeVersion", "kubeletVersion",
         "kubeProxyVersion", "operatingSystem", "architecture"), ""
    ),
}  # fmt: skip
SERVICE: Object = {
    "type": "ClusterIP",
    "sessionAffinity": "None",
    "ipFamilies": ["IPv4"],
    "ipFamilyPolicy": "SingleStack",
    "internalTrafficPolicy": "Cluster",
}
EVENT: Object = {
    "source": {}, "firstTimestamp": None, "lastTimestamp": None, "eventTime": None,
    "reportingComponent": "", "reportingInstance": "",
}  # fmt: skip
_CONFIG_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_CONFIG_KEY_TEXT = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
    "'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
_FROZEN = "field is immutable when `immutable` is set"
SECRET_KEYS = {  # type → keys its data must have
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}
_STATUS = frozenset({"status"})

# -- namespaces --------------------------------------------------------------------------------------------------


def _default_namespace(namespace: Object) -> None:
    namespace["metadata"].setdefault("labels", {})[NAMESPACE_LABEL] = namespace["metadata"].get("name", "")


def _born_namespace(namespace: Object) -> None:
    namespace["metadata"].setdefault("labels", {})[NAMESPACE_LABEL] = namespace["metadata"].get("name", "")
    finalizers = namespace.setdefault("spec", {}).setdefault("finalizers", [])
    if NAMESPACE_FINALIZER not in finalizers:
        finalizers.append(NAMESPACE_FINALIZER)


def _on_namespace(namespace: Object, old: Object) -> None:
    """`spec.finalizers` changes only through the sub-resource `finalize`."""
    namespace["spec"] = clone(old.get("spec", {}))


# -- nodes -------------------------------------------------------------------------------------------------------


def _default_node(node: Object) -> None:
    node.setdefault("spec", {})


def _born_node(node: Object) -> None:
    """Admission: a node is not ready until its controller has looked at it."""
    taints = node["spec"].setdefault("taints", [])
    if not any(taint.get("key") == NOT_READY_TAINT["key"] for taint in taints):
        taints.append(dict(NOT_READY_TAINT))


def _check_node(node: Object, old: Object | None) -> list[FieldError]:
    return [
        unsupported(f"metadata.taints[{index}].effect", taint.get("effect", ""), TAINT_EFFECTS)
        for index, taint in enumerate(node["spec"].get("taints") or ())
        if taint.get("effect") not in TAINT_EFFECTS
        for _ in range(1 if old is None else 2)  # recorded: an update reports it twice
    ]


def _unschedulable(node: Object) -> str:
    return "true" if node["spec"].get("unschedulable") else "false"


# -- configuration -----------------------------------------------------------------------------------------------


def _check_config_map(config: Object, old: Object | None) -> list[FieldError]:
    data, binary = config.get("data") or {}, config.get("binaryData") or {}
    errors = [
        invalid(f"{field}[{key}]", key, _CONFIG_KEY_TEXT)
        for field, entries in (("data", data), ("binaryData", binary))
        for key in entries
        if not _CONFIG_KEY.fullmatch(key)
    ]
    errors += [invalid(f"data[{key}]", key, "duplicate of key present in binaryData") for key in data if key in binary]
    return errors + _check_frozen(config, old, ("data", "binaryData"))


def _check_frozen(obj: Object, old: Object | None, fields: tuple[str, ...]) -> list[FieldError]:
    if old is None or not old.get("immutable"):
        return []
    errors = [] if obj.get("immutable") else [forbidden("immutable", _FROZEN)]
    return errors + [forbidden(field, _FROZEN) for field in fields if obj.get(field) != old.get(field)]


def _default_secret(secret: Object) -> None:
    secret.setdefault("type", "Opaque")
    for key, text in (secret.pop("stringData", None) or {}).items():
        secret.setdefault("data", {})[key] = b64encode(text.encode()).decode()


def _check_secret(secret: Object, old: Object | None) -> list[FieldError]:
    data = secret.get("data") or {}
    errors = [invalid(f"data[{key}]", key, _CONFIG_KEY_TEXT) for key in data if not _CONFIG_KEY.fullmatch(key)]
    errors += [required(f"data[{key}]") for key in SECRET_KEYS.get(secret["type"], ()) if key not in data]
    if old is not None and secret["type"] != old.get("type"):
        errors.append(immutable("type", secret["type"]))
    return errors + _check_frozen(secret, old, ("data",))


# -- services ----------------------------------------------------------------------------------------------------


def _default_service(service: Object) -> None:
    spec = service.setdefault("spec", {})
    fill(spec, SERVICE)
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
        if "port" in port:
            port.setdefault("targetPort", port["port"])
    if "clusterIP" in spec:
        spec.setdefault("clusterIPs", [spec["clusterIP"]])


def _born_service(service: Object) -> None:
    """An address of the cluster's range: made from the name, so that the same story always has the same ones."""
    spec, metadata = service["spec"], service["metadata"]
    if spec["type"] != "ExternalName" and not spec.get("clusterIP"):
        number = crc32(f"{metadata.get('namespace')}/{metadata.get('name')}".encode())
        spec["clusterIP"] = f"10.{96 + (number >> 16) % 16}.{(number >> 8) % 256}.{number % 254 + 1}"
        spec["clusterIPs"] = [spec["clusterIP"]]


def _on_service(service: Object, old: Object) -> None:
    for field in ("clusterIP", "clusterIPs"):
        if field in old["spec"]:
            service["spec"].setdefault(field, clone(old["spec"][field]))


def _check_service(service: Object, old: Object | None) -> list[FieldError]:
    spec = service["spec"]
    headless = spec.get("clusterIP") == "None" or spec["type"] == "ExternalName"
    errors = [] if spec.get("ports") or headless else [required("spec.ports")]
    for index, port in enumerate(spec.get("ports") or ()):
        if not 0 < port.get("port", 0) < 65536:
            why = "must be between 1 and 65535, inclusive"
            errors.append(invalid(f"spec.ports[{index}].port", port.get("port", 0), why))
    if old is not None and old["spec"].get("clusterIP") and spec.get("clusterIP") != old["spec"]["clusterIP"]:
        errors.append(invalid("spec.clusterIPs[0]", spec.get("clusterIPs"), "may not change once set"))
    return errors


# -- events ------------------------------------------------------------------------------------------------------


def _default_event(event: Object) -> None:
    event.setdefault("involvedObject", {})
    fill(event, EVENT)


def _check_event(event: Object, old: Object | None) -> list[FieldError]:
    where = event["involvedObject"].get("namespace", "")
    if old is None and (where or "default") != event["metadata"].get("namespace"):
        return [invalid("involvedObject.namespace", where, "does not match event.namespace")]
    return []


def _source(event: Object) -> str:
    source = event.get("source", {}).get("component") or event.get("reportingComponent")
    return str(source or "")


_REFERENCE_FIELDS = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
_EVENT_FIELDS = {
    *(f"involvedObject.{name}" for name in _REFERENCE_FIELDS),
    "reason", "reportingComponent", "source", "type",
}  # fmt: skip


# -- the kinds ---------------------------------------------------------------------------------------------------


def _core(plural: str, kind: str, short: str = "", **more: Any) -> BuiltIn:
    return BuiltIn(
        resource=Resource("", "v1", plural, kind),
        type=kind,
        singular=kind.lower(),
        short_names=(short,) if short else (),
        generation=False,
        **{"shape": shapes.NAMED, **more},
    )


KINDS = (
    BuiltIn(
        resource=NAMESPACES,
        type="Namespace",
        singular="namespace",
        short_names=("ns",),
        verbs=("create", "delete", "get", "list", "patch", "update", "watch"),
        subresources=frozenset({"status", "finalize"}),
        supported_fields=METADATA_FIELDS | {"status.phase"},
        lists_known_selectors=False,
        shape=shapes.NAMED,
        generation=False,
        returns_object_on_delete=True,
        initial_status={"phase": "Active"},
        defaults=_default_namespace,
        born=_born_namespace,
        on_update=_on_namespace,
    ),
    BuiltIn(
        resource=NODES,
        type="Node",
        singular="node",
        short_names=("no",),
        subresources=_STATUS,
        supported_fields=METADATA_FIELDS | {"spec.unschedulable"},
        selectors={"spec.unschedulable": _unschedulable},
        lists_known_selectors=False,
        shape=shapes.NODE,
        generation=False,
        keeps_status=True,
        initial_status=NODE_STATUS,
        defaults=_default_node,
        born=_born_node,
        check=_check_node,
    ),
    _core("configmaps", "ConfigMap", "cm", check=_check_config_map),
    _core(
        "secrets",
        "Secret",
        defaults=_default_secret,
        check=_check_secret,
        supported_fields=METADATA_FIELDS | {"type"},
        lists_known_selectors=False,
    ),
    _core(
        "serviceaccounts",
        "ServiceAccount",
        "sa",
        shape=shapes.SERVICE_ACCOUNT,
        subresources=frozenset({"token"}),
        returns_object_on_delete=True,
    ),
    _core(
        "services",
        "Service",
        "svc",
        categories=("all",),
        subresources=_STATUS,
        supported_fields=METADATA_FIELDS | {"spec.clusterIP", "spec.type"},
        lists_known_selectors=False,
        shape=shapes.SERVICE,
        create_on_update=True,
        returns_object_on_delete=True,
        initial_status={"loadBalancer": {}},
        defaults=_default_service,
        born=_born_service,
        on_update=_on_service,
        check=_check_service,
    ),
    BuiltIn(
        resource=EVENTS,
        type="Event",
        singular="event",
        short_names=("ev",),
        supported_fields=METADATA_FIELDS | _EVENT_FIELDS,
        selectors={"source": _source},
        lists_known_selectors=False,
        shape=shapes.NAMED,
        generation=False,
        create_on_update=True,
        defaults=_default_event,
        check=_check_event,
    ),
    _core("endpoints", "Endpoints", "ep", create_on_update=True),
)
