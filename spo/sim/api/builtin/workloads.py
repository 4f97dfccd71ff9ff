"""What makes pods: DaemonSets, Deployments, ReplicaSets, StatefulSets, Jobs … (pkg/apis/apps, batch, core)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from spo.model.resource import Resource
from spo.sim.api.builtin import cron_schedule, shapes
from spo.sim.api.builtin.kind import BuiltIn
from spo.sim.api.builtin.pod_validation import check_spec
from spo.sim.api.builtin.podspec import default_spec, fill
from spo.sim.api.field_errors import at_least, immutable, invalid, required, unsupported
from spo.sim.api.kinds import METADATA_FIELDS, Object, Scale
from spo.sim.api.status import FieldError

DAEMON_SET_GENERATION = "deprecated.daemonset.template.generation"
# What a workload's spec gets, before its template: (fields, the strategy's field, its value for RollingUpdate).
SPECS: dict[str, tuple[Object, str, Object]] = {
    "DaemonSet": ({"revisionHistoryLimit": 10}, "updateStrategy", {"maxUnavailable": 1, "maxSurge": 0}),
    "Deployment": (
        {"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600},
        "strategy",
        {"maxUnavailable": "25%", "maxSurge": "25%"},
    ),
    "ReplicaSet": ({"replicas": 1}, "", {}),
    "ReplicationController": ({"replicas": 1}, "", {}),
    "StatefulSet": (
        {
            "replicas": 1,
            "revisionHistoryLimit": 10,
            "podManagementPolicy": "OrderedReady",
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
        },
        "updateStrategy",
        {"partition": 0},
    ),
}
NAMED_BY_TEMPLATE = ("ReplicaSet", "ReplicationController")  # without labels of their own, they take the template's
JOB: Object = {"completionMode": "NonIndexed", "backoffLimit": 6, "suspend": False, "manualSelector": False}
NO_LIMIT = 2**31 - 1
CRON_JOB: Object = {
    "concurrencyPolicy": "Allow", "suspend": False, "successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 1,
}  # fmt: skip
CONCURRENCY = ("Allow", "Forbid", "Replace")
STATUSES: dict[str, Object] = {
    "DaemonSet": dict.fromkeys(
        ("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady"), 0
    ),
    "Deployment": {},
    "ReplicaSet": {"replicas": 0},
    "StatefulSet": {"replicas": 0, "availableReplicas": 0},
    "ReplicationController": {"replicas": 0},
    "Job": {},
    "CronJob": {},
}
JOB_UID, JOB_NAME = "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name"


def _defaults(kind: str) -> Callable[[Object], None]:
    fields, strategy, rolling = SPECS[kind]

    def default(obj: Object) -> None:
        spec = obj.setdefault("spec", {})
        fill(spec, fields)
        if strategy:
            chosen = spec.setdefault(strategy, {})
            chosen.setdefault("type", "RollingUpdate")
            if chosen["type"] == "RollingUpdate":
                fill(chosen.setdefault("rollingUpdate", {}), rolling)
        _default_template(spec)
        labels = spec["template"].get("metadata", {}).get("labels")
        if labels and kind in NAMED_BY_TEMPLATE:
            obj["metadata"].setdefault("labels", dict(labels))
            if kind == "ReplicationController":
                spec.setdefault("selector", dict(labels))

    return default


def _default_template(spec: Object) -> None:
    template = spec.setdefault("template", {})
    default_spec(template.setdefault("spec", {}))


def _default_job(job: Object) -> None:
    spec = job.setdefault("spec", {})
    if "completions" not in spec and "parallelism" not in spec:
        spec |= {"completions": 1, "parallelism": 1}
    spec.setdefault("parallelism", 1)
    if spec.get("backoffLimitPerIndex") is not None:
        spec.setdefault("backoffLimit", NO_LIMIT)  # each index has its own
    spec.setdefault("podReplacementPolicy", "Failed" if "podFailurePolicy" in spec else "TerminatingOrFailed")
    fill(spec, JOB)
    _default_template(spec)


def _default_cron_job(cron_job: Object) -> None:
    spec = cron_job.setdefault("spec", {})
    fill(spec, CRON_JOB)
    _default_template(spec.setdefault("jobTemplate", {}).setdefault("spec", {}))


# -- creation and change -----------------------------------------------------------------------------------------


def _born_daemon_set(obj: Object) -> None:
    obj["metadata"].setdefault("annotations", {})[DAEMON_SET_GENERATION] = "1"


def _on_daemon_set(obj: Object, old: Object) -> None:
    """The template's own generation, kept for clients of old."""
    before = int((old["metadata"].get("annotations") or {}).get(DAEMON_SET_GENERATION, "1"))
    changed = obj["spec"].get("template") != old["spec"].get("template")
    obj["metadata"].setdefault("annotations", {})[DAEMON_SET_GENERATION] = str(before + changed)


def _born_job(job: Object) -> None:
    """A job finds its pods by its own uid, unless the client brought a selector."""
    if job["spec"].get("manualSelector"):
        return
    uid, name = job["metadata"].get("uid", ""), job["metadata"].get("name", "")
    labels = job["spec"]["template"].setdefault("metadata", {}).setdefault("labels", {})
    labels |= {JOB_UID: uid, JOB_NAME: name, "controller-uid": uid, "job-name": name}
    if not job["metadata"].get("labels"):
        job["metadata"]["labels"] = dict(labels)
    job["spec"]["selector"] = {"matchLabels": {JOB_UID: uid}}


# -- validation --------------------------------------------------------------------------------------------------


def _check(obj: Object, old: Object | None) -> list[FieldError]:
    spec = obj["spec"]
    errors = at_least("spec.replicas", spec.get("replicas", 0), 0)
    selector = spec.get("selector")
    if selector is None:
        errors.append(required("spec.selector"))
    elif not selector.get("matchLabels") and not selector.get("matchExpressions"):
        errors.append(invalid("spec.selector", selector, "empty selector is invalid for deployment"))
    if old is not None and selector != old["spec"].get("selector"):
        errors.append(immutable("spec.selector", selector))
    labels = spec["template"].get("metadata", {}).get("labels") or {}
    if selector and not _matches(selector, labels):
        why = "`selector` does not match template `labels`"
        errors.append(invalid("spec.template.metadata.labels", dict(sorted(labels.items())), why))
    return errors + _check_template(spec["template"]["spec"], ("Always",))


def _check_replication_controller(obj: Object, old: Object | None) -> list[FieldError]:
    """Its selector is a plain map of labels."""
    spec = obj["spec"]
    errors = at_least("spec.replicas", spec.get("replicas", 0), 0)
    selector, labels = spec.get("selector"), spec["template"].get("metadata", {}).get("labels") or {}
    if not selector:
        errors.append(required("spec.selector"))
    elif not selector.items() <= labels.items():
        why = "`selector` does not match template `labels`"
        errors.append(invalid("spec.template.metadata.labels", dict(sorted(labels.items())), why))
    return errors + _check_template(spec["template"]["spec"], ("Always",))


def _check_pod_template(obj: Object, old: Object | None) -> list[FieldError]:
    return check_spec(obj["template"]["spec"], "template.spec")


def _check_template(spec: Object, policies: tuple[str, ...]) -> list[FieldError]:
    errors = check_spec(spec, "spec.template.spec")
    if spec.get("restartPolicy") not in policies:
        errors.append(unsupported("spec.template.spec.restartPolicy", spec.get("restartPolicy"), policies))
    return errors


def _matches(selector: Object, labels: Object) -> bool:
    plain = all(labels.get(key) == value for key, value in (selector.get("matchLabels") or {}).items())
    return plain and all(_fits(item, labels) for item in selector.get("matchExpressions") or ())


def _fits(expression: Object, labels: Object) -> bool:
    key, values = str(expression.get("key")), expression.get("values") or ()
    found = {
        "In": labels.get(key) in values,
        "NotIn": labels.get(key) not in values,
        "Exists": key in labels,
        "DoesNotExist": key not in labels,
    }
    return found.get(expression.get("operator", ""), False)


def _check_job(job: Object, old: Object | None) -> list[FieldError]:
    spec = job["spec"]
    errors = []
    for field in ("completions", "parallelism", "backoffLimit"):
        errors += at_least(f"spec.{field}", spec.get(field, 0), 0)
    if old is not None:
        for field in ("selector", "completions", "completionMode", "template"):
            if spec.get(field) != old["spec"].get(field):
                errors.append(immutable(f"spec.{field}", spec.get(field)))
    return errors + _check_template(spec["template"]["spec"], ("OnFailure", "Never"))


def _check_cron_job(cron_job: Object, old: Object | None) -> list[FieldError]:
    spec = cron_job["spec"]
    line, zone = spec.get("schedule", ""), spec.get("timeZone") or ""
    errors = [] if line else [required("spec.schedule")]
    try:
        cron_schedule.parse(line)
    except ValueError as fault:
        errors += [invalid("spec.schedule", line, str(fault))] if line else []
    if zone not in cron_schedule.ZONES:
        errors.append(
            invalid("spec.timeZone", zone, f"unknown time zone {zone}: this simulated API server has UTC only")
        )
    if spec.get("concurrencyPolicy") not in CONCURRENCY:
        errors.append(unsupported("spec.concurrencyPolicy", spec.get("concurrencyPolicy"), CONCURRENCY))
    return errors


# -- the kinds ---------------------------------------------------------------------------------------------------

_SCALE = Scale(("spec", "replicas"), ("status", "replicas"), ("spec", "selector"))


def _apps(plural: str, kind: str, short: str, more: Mapping[str, Any]) -> BuiltIn:
    return BuiltIn(
        resource=Resource("apps", "v1", plural, kind),
        type=kind,
        singular=kind.lower(),
        short_names=(short,),
        categories=("all",),
        shape=shapes.WORKLOAD,
        initial_status=STATUSES[kind],
        defaults=_defaults(kind),
        check=_check,
        **more,
    )


_SCALED = {"subresources": frozenset({"status", "scale"}), "scale": _SCALE}
_DAEMON = {"subresources": frozenset({"status"}), "born": _born_daemon_set, "on_update": _on_daemon_set}

KINDS = (
    _apps("daemonsets", "DaemonSet", "ds", _DAEMON),
    _apps("deployments", "Deployment", "deploy", _SCALED),
    _apps("replicasets", "ReplicaSet", "rs", _SCALED),
    _apps("statefulsets", "StatefulSet", "sts", _SCALED),
    BuiltIn(
        resource=Resource("", "v1", "replicationcontrollers", "ReplicationController"),
        type="ReplicationController",
        singular="replicationcontroller",
        short_names=("rc",),
        categories=("all",),
        subresources=frozenset({"status", "scale"}),
        scale=Scale(("spec", "replicas"), ("status", "replicas"), ("spec", "selector"), plain_selector=True),
        supported_fields=METADATA_FIELDS | {"status.replicas"},
        lists_known_selectors=False,
        shape=shapes.WORKLOAD,
        initial_status=STATUSES["ReplicationController"],
        defaults=_defaults("ReplicationController"),
        check=_check_replication_controller,
    ),
    BuiltIn(
        resource=Resource("", "v1", "podtemplates", "PodTemplate"),
        type="PodTemplate",
        singular="podtemplate",
        shape=shapes.whole(template=shapes.TEMPLATE),
        returns_object_on_delete=True,
        defaults=_default_template,
        check=_check_pod_template,
    ),
    BuiltIn(
        resource=Resource("batch", "v1", "jobs", "Job"),
        type="Job",
        singular="job",
        categories=("all",),
        subresources=frozenset({"status"}),
        shape=shapes.WORKLOAD,
        initial_status=STATUSES["Job"],
        supported_fields=METADATA_FIELDS | {"status.successful"},
        lists_known_selectors=False,
        defaults=_default_job,
        born=_born_job,
        check=_check_job,
    ),
    BuiltIn(
        resource=Resource("batch", "v1", "cronjobs", "CronJob"),
        type="CronJob",
        singular="cronjob",
        short_names=("cj",),
        categories=("all",),
        subresources=frozenset({"status"}),
        shape=shapes.CRON_JOB,
        initial_status=STATUSES["CronJob"],
        defaults=_default_cron_job,
        check=_check_cron_job,
    ),
    BuiltIn(
        resource=Resource("apps", "v1", "controllerrevisions", "ControllerRevision"),
        type="ControllerRevision",
        singular="controllerrevision",
        shape=shapes.NAMED,
        generation=False,
    ),
)
