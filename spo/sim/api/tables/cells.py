"""What `kubectl get` prints of the built-in kinds: the cells of one row, a function a kind (kubernetes' pkg/printers).

The names and descriptions of the columns stand in `builtin/columns.json`. A kind without a function here has two:
its name and when it was created.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from spo.sim.api.kinds import Object
from spo.sim.api.selectors import as_text
from spo.sim.api.tables import others as others
from spo.sim.api.tables.ages import human, seconds_of, since
from spo.sim.api.tables.pods import pod

NONE = "<none>"
ROLE_LABEL = "node-role.kubernetes.io/"
_SHOWN_MAX = 3  # addresses of endpoints
_JOB_STATES = (
    ("Complete", "Complete"),
    ("Failed", "Failed"),
    ("", "Terminating"),
    ("Suspended", "Suspended"),
    ("FailureTarget", "FailureTarget"),
    ("SuccessCriteriaMet", "SuccessCriteriaMet"),
)


class Row:
    """An object about to be printed, and the time it is printed at."""

    __slots__ = ("meta", "now_s", "obj", "spec", "status")

    def __init__(self, obj: Object, now_s: float) -> None:
        self.obj = obj
        self.meta: Object = obj.get("metadata") or {}
        self.spec: Object = obj.get("spec") or {}
        self.status: Object = obj.get("status") or {}
        self.now_s = now_s

    @property
    def name(self) -> str:
        return str(self.meta.get("name", ""))

    @property
    def age(self) -> str:
        return self.since(self.meta.get("creationTimestamp"))

    def since(self, stamp: str | None) -> str:
        return since(stamp, self.now_s)


Cells = Callable[[Row], list[Any]]


def _pod(row: Row) -> list[Any]:
    return pod(row.obj, row.now_s)


def _namespace(row: Row) -> list[Any]:
    return [row.name, row.status.get("phase", ""), row.age]


def _config_map(row: Row) -> list[Any]:
    return [row.name, len(row.obj.get("data") or ()) + len(row.obj.get("binaryData") or ()), row.age]


def _secret(row: Row) -> list[Any]:
    return [row.name, row.obj.get("type", ""), len(row.obj.get("data") or ()), row.age]


def _service_account(row: Row) -> list[Any]:
    return [row.name, row.age]


def _node(row: Row) -> list[Any]:
    ready = next((c for c in row.status.get("conditions") or () if c["type"] == "Ready"), None)
    words = ["Unknown" if ready is None else "Ready" if ready["status"] == "True" else "NotReady"]
    if row.spec.get("unschedulable"):
        words.append("SchedulingDisabled")
    info = row.status.get("nodeInfo") or {}
    system, kernel, runtime = (
        info.get(field) or "<unknown>" for field in ("osImage", "kernelVersion", "containerRuntimeVersion")
    )
    architecture = info.get("architecture")
    return [
        row.name, ",".join(words), _roles(row.meta.get("labels") or {}), row.age, info.get("kubeletVersion", ""),
        _address(row, "InternalIP"), _address(row, "ExternalIP"), system,
        f"{kernel} ({architecture})" if architecture else kernel, runtime,
    ]  # fmt: skip


def _roles(labels: Mapping[str, str]) -> str:
    roles = [key.removeprefix(ROLE_LABEL) for key in labels if key.startswith(ROLE_LABEL) and key != ROLE_LABEL]
    roles += [value for key, value in labels.items() if key == "kubernetes.io/role" and value]
    return ",".join(sorted(set(roles))) or NONE


def _address(row: Row, kind: str) -> str:
    return next((a["address"] for a in row.status.get("addresses") or () if a["type"] == kind), NONE)


def _service(row: Row) -> list[Any]:
    addresses = row.spec.get("clusterIPs") or ()
    ports = ",".join(_service_port(port) for port in row.spec.get("ports") or ())
    selector = row.spec.get("selector")
    kind = row.spec.get("type", "")
    return [
        row.name, kind, addresses[0] if addresses else NONE, _external(row, kind), ports or NONE, row.age,
        as_text({"matchLabels": selector}) if selector else NONE,
    ]  # fmt: skip


def _service_port(port: Object) -> str:
    node = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port['port']}{node}/{port.get('protocol', 'TCP')}"


def _external(row: Row, kind: str) -> str:
    if kind == "ExternalName":
        return str(row.spec.get("externalName", ""))
    given = list(row.spec.get("externalIPs") or ())
    if kind != "LoadBalancer":
        return ",".join(given) or NONE
    ingress = (row.status.get("loadBalancer") or {}).get("ingress") or ()
    return ",".join([entry.get("ip") or entry.get("hostname", "") for entry in ingress] + given) or "<pending>"


def _endpoints(row: Row) -> list[Any]:
    shown = []
    for subset in row.obj.get("subsets") or ():
        for port in subset.get("ports") or (None,):
            for address in subset.get("addresses") or ():
                shown.append(address["ip"] if port is None else f"{address['ip']}:{port['port']}")
    return [row.name, _some(shown, " + {} more...") if row.obj.get("subsets") else NONE, row.age]


def _endpoint_slice(row: Row) -> list[Any]:
    ports = [str(port.get("port", port.get("name", "*"))) for port in row.obj.get("ports") or ()]
    addresses = [address for point in row.obj.get("endpoints") or () for address in point.get("addresses") or ()]
    shown = [_some(ports, " + {} more...") or "<unset>", _some(addresses, " + {} more...") or "<unset>"]
    return [row.name, row.obj.get("addressType", ""), *shown, row.age]


def _some(texts: list[str], more: str) -> str:
    return ",".join(texts[:_SHOWN_MAX]) + (more.format(len(texts) - _SHOWN_MAX) if len(texts) > _SHOWN_MAX else "")


def _event(row: Row) -> list[Any]:
    event = row.obj
    first = row.since(event.get("firstTimestamp") or event.get("eventTime"))
    last = row.since(event["lastTimestamp"]) if event.get("lastTimestamp") else first
    count = event.get("count") or 1
    series = event.get("series")
    if series:
        last, count = row.since(series.get("lastObservedTime")), series.get("count", 0)
    about, source = event.get("involvedObject") or {}, event.get("source") or {}
    target = str(about.get("kind", "")).lower() + (f"/{about['name']}" if about.get("name") else "")
    component = source.get("component") or event.get("reportingComponent", "")
    instance = source.get("host") or event.get("reportingInstance", "")
    return [
        last, event.get("type", ""), event.get("reason", ""), target, about.get("fieldPath", ""),
        f"{component}, {instance}" if instance else component, str(event.get("message", "")).strip(), first, count,
        row.name,
    ]  # fmt: skip


def _events_event(row: Row) -> list[Any]:
    """The same event, seen through events.k8s.io."""
    event = row.obj
    old = {
        "involvedObject": event.get("regarding"),
        "source": event.get("deprecatedSource"),
        "firstTimestamp": event.get("deprecatedFirstTimestamp"),
        "lastTimestamp": event.get("deprecatedLastTimestamp"),
        "count": event.get("deprecatedCount"),
        "message": event.get("note", ""),
        "reportingComponent": event.get("reportingController", ""),
    }
    return _event(Row({**event, **old}, row.now_s))


def _quota(row: Row) -> list[Any]:
    hard, used = row.status.get("hard") or {}, row.status.get("used") or {}
    texts = {name: f"{name}: {used.get(name, '0')}/{hard[name]}" for name in sorted(hard)}
    requests = [text for name, text in texts.items() if not name.startswith("limits.")]
    limits = [text for name, text in texts.items() if name.startswith("limits.")]
    return [row.name, ", ".join(requests), ", ".join(limits), row.age]


# -- workloads ---------------------------------------------------------------------------------------------------


def _containers(template: Object | None) -> list[str]:
    containers = ((template or {}).get("spec") or {}).get("containers") or ()
    return [",".join(container.get(field, "") for container in containers) for field in ("name", "image")]


def _selector(row: Row) -> str:
    return as_text(row.spec.get("selector") or {}) or NONE


def _number(part: Object, field: str) -> int:
    return int(part.get(field) or 0)


def _deployment(row: Row) -> list[Any]:
    ready = f"{_number(row.status, 'readyReplicas')}/{_number(row.spec, 'replicas')}"
    numbers = [_number(row.status, "updatedReplicas"), _number(row.status, "availableReplicas")]
    selector = as_text(row.spec.get("selector") or {})
    return [row.name, ready, *numbers, row.age, *_containers(row.spec.get("template")), selector]


def _replica_set(row: Row) -> list[Any]:
    numbers = [_number(row.spec, "replicas"), _number(row.status, "replicas"), _number(row.status, "readyReplicas")]
    return [row.name, *numbers, row.age, *_containers(row.spec.get("template")), _selector(row)]


def _stateful_set(row: Row) -> list[Any]:
    ready = f"{_number(row.status, 'readyReplicas')}/{_number(row.spec, 'replicas')}"
    return [row.name, ready, row.age, *_containers(row.spec.get("template"))]


def _daemon_set(row: Row) -> list[Any]:
    fields = (
        "desiredNumberScheduled", "currentNumberScheduled", "numberReady", "updatedNumberScheduled", "numberAvailable",
    )  # fmt: skip
    template = row.spec.get("template") or {}
    places = (template.get("spec") or {}).get("nodeSelector")
    nodes = as_text({"matchLabels": places}) if places else NONE
    return [
        row.name, *(_number(row.status, field) for field in fields), nodes, row.age, *_containers(template),
        _selector(row),
    ]  # fmt: skip


def _job(row: Row) -> list[Any]:
    succeeded, parallelism = _number(row.status, "succeeded"), _number(row.spec, "parallelism")
    if "completions" in row.spec:
        completions = f"{succeeded}/{row.spec['completions']}"
    else:
        completions = f"{succeeded}/1" + (f" of {parallelism}" if parallelism > 1 else "")
    return [
        row.name, _job_state(row), completions, _job_lasted(row), row.age, *_containers(row.spec.get("template")),
        _selector(row),
    ]  # fmt: skip


def _job_state(row: Row) -> str:
    true = {c["type"] for c in row.status.get("conditions") or () if c["status"] == "True"}
    going = "deletionTimestamp" in row.meta
    return next((text for kind, text in _JOB_STATES if kind in true or (not kind and going)), "Running")


def _job_lasted(row: Row) -> str:
    begin, end = row.status.get("startTime"), row.status.get("completionTime")
    if not begin:
        return ""
    return human((seconds_of(end) if end else row.now_s) - seconds_of(begin))


def _cron_job(row: Row) -> list[Any]:
    last = row.status.get("lastScheduleTime")
    job = (row.spec.get("jobTemplate") or {}).get("spec") or {}
    return [
        row.name, row.spec.get("schedule", ""), row.spec.get("timeZone", NONE),
        "True" if row.spec.get("suspend") else "False", len(row.status.get("active") or ()),
        row.since(last) if last else NONE, row.age, *_containers(job.get("template")),
        as_text(job.get("selector") or {}) or NONE,
    ]  # fmt: skip


def _revision(row: Row) -> list[Any]:
    owner = next((ref for ref in row.meta.get("ownerReferences") or () if ref.get("controller")), None)
    shown = NONE
    if owner:
        group = owner["apiVersion"].rpartition("/")[0]
        shown = f"{owner['kind'].lower()}{'.' + group if group else ''}/{owner['name']}"
    return [row.name, shown, row.obj.get("revision", 0), row.age]


# -- rights, leases, and the rest --------------------------------------------------------------------------------


def _created(row: Row) -> list[Any]:
    return [row.name, row.meta.get("creationTimestamp", "")]


def _binding(row: Row) -> list[Any]:
    role, subjects = row.obj.get("roleRef") or {}, row.obj.get("subjects") or ()
    named: dict[str, list[str]] = {"User": [], "Group": [], "ServiceAccount": []}
    for subject in subjects:
        name = subject["name"]
        if subject["kind"] == "ServiceAccount":
            name = f"{subject.get('namespace', '')}/{name}"
        named.setdefault(subject["kind"], []).append(name)
    who = [", ".join(named[kind]) for kind in ("User", "Group", "ServiceAccount")]
    return [row.name, f"{role.get('kind')}/{role.get('name')}", row.age, *who]


def _lease(row: Row) -> list[Any]:
    return [row.name, row.spec.get("holderIdentity") or "", row.age]


def _budget(row: Row) -> list[Any]:
    bounds = [str(row.spec.get(field, "N/A")) for field in ("minAvailable", "maxUnavailable")]
    return [row.name, *bounds, _number(row.status, "disruptionsAllowed"), row.age]


def _priority(row: Row) -> list[Any]:
    known = (row.obj.get("value", 0), bool(row.obj.get("globalDefault")))
    return [row.name, *known, row.age, row.obj.get("preemptionPolicy", "")]


def _runtime(row: Row) -> list[Any]:
    return [row.name, row.obj.get("handler", ""), row.age]


def _webhooks(row: Row) -> list[Any]:
    return [row.name, len(row.obj.get("webhooks") or ()), row.age]


def _scale(row: Row) -> list[Any]:
    return [row.name, _number(row.spec, "replicas"), _number(row.status, "replicas"), row.age]


CREATED: Cells = _created
SCALES = "scales.autoscaling"
TABLE: dict[str, Cells] = {
    "pods": _pod,
    "namespaces": _namespace,
    "nodes": _node,
    "configmaps": _config_map,
    "secrets": _secret,
    "serviceaccounts": _service_account,
    "services": _service,
    "endpoints": _endpoints,
    "endpointslices.discovery.k8s.io": _endpoint_slice,
    "events": _event,
    "events.events.k8s.io": _events_event,
    "resourcequotas": _quota,
    "deployments.apps": _deployment,
    "replicasets.apps": _replica_set,
    "statefulsets.apps": _stateful_set,
    SCALES: _scale,
    "daemonsets.apps": _daemon_set,
    "controllerrevisions.apps": _revision,
    "jobs.batch": _job,
    "cronjobs.batch": _cron_job,
    "rolebindings.rbac.authorization.k8s.io": _binding,
    "clusterrolebindings.rbac.authorization.k8s.io": _binding,
    "leases.coordination.k8s.io": _lease,
    "poddisruptionbudgets.policy": _budget,
    "priorityclasses.scheduling.k8s.io": _priority,
    "runtimeclasses.node.k8s.io": _runtime,
    "mutatingwebhookconfigurations.admissionregistration.k8s.io": _webhooks,
    "validatingwebhookconfigurations.admissionregistration.k8s.io": _webhooks,
    "apiservices.apiregistration.k8s.io": others.api_service,
    "certificatesigningrequests.certificates.k8s.io": others.signing_request,
    "csinodes.storage.k8s.io": others.csi_node,
    "horizontalpodautoscalers.autoscaling": others.scaler,
    "ingresses.networking.k8s.io": others.ingress,
}
