"""Workloads: defaults, generations, selectors (recorded: workload-defaults)."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from spo.sim.api.builtin import TABLE
from spo.sim.api.kinds import Object

DAEMON_SET = TABLE["daemonsets.apps"]
DEPLOYMENT = TABLE["deployments.apps"]
JOB = TABLE["jobs.batch"]


def _workload(**spec: Any) -> Object:
    template = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}}
    return {
        "metadata": {"name": "a"},
        "spec": {"selector": {"matchLabels": {"app": "a"}}, "template": template, **spec},
    }


def _created(kind: Any, obj: Object) -> Object:
    kind.default(obj)
    kind.prepare_create(obj)
    return obj


def test_a_daemon_set_rolls_one_by_one() -> None:
    made = _created(DAEMON_SET, _workload())

    assert made["spec"]["updateStrategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0},
    }
    assert made["spec"]["revisionHistoryLimit"] == 10
    assert made["status"] == {
        "currentNumberScheduled": 0,
        "numberMisscheduled": 0,
        "desiredNumberScheduled": 0,
        "numberReady": 0,
    }
    assert made["metadata"] == {
        "name": "a",
        "generation": 1,
        "annotations": {"deprecated.daemonset.template.generation": "1"},
    }


def test_a_template_is_filled_in_like_a_pod_but_for_what_admission_adds() -> None:
    spec = _created(DEPLOYMENT, _workload())["spec"]["template"]["spec"]

    assert (spec["restartPolicy"], spec["schedulerName"]) == ("Always", "default-scheduler")
    assert not {"tolerations", "priority", "enableServiceLinks"} & set(spec)


def test_a_deployment_that_recreates_has_no_rolling_numbers() -> None:
    made = _created(DEPLOYMENT, _workload(strategy={"type": "Recreate"}))

    assert made["spec"]["strategy"] == {"type": "Recreate"}
    assert made["spec"]["replicas"] == 1


def test_a_changed_template_counts_twice_anything_else_once() -> None:
    old = _created(DAEMON_SET, _workload())
    template, limit = copy.deepcopy(old), copy.deepcopy(old)
    template["spec"]["template"]["metadata"]["labels"]["v"] = "2"
    limit["spec"]["revisionHistoryLimit"] = 3

    DAEMON_SET.prepare_update(template, old)
    DAEMON_SET.prepare_update(limit, old)

    annotation = "deprecated.daemonset.template.generation"
    assert (template["metadata"]["generation"], template["metadata"]["annotations"][annotation]) == (2, "2")
    assert (limit["metadata"]["generation"], limit["metadata"]["annotations"][annotation]) == (2, "1")


def test_an_update_keeps_the_status_and_a_status_write_the_spec() -> None:
    old = _created(DAEMON_SET, _workload())
    update, status = copy.deepcopy(old), copy.deepcopy(old)
    update["status"] = {"numberReady": 9}
    status["spec"] = {}
    status["status"]["numberReady"] = 2

    DAEMON_SET.prepare_update(update, old)
    DAEMON_SET.prepare_status(status, old)

    assert update == old
    assert (status["spec"], status["status"]["numberReady"]) == (old["spec"], 2)
    assert status["metadata"]["generation"] == 1


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"replicas": -1}, "spec.replicas: Invalid value: -1: must be greater than or equal to 0"),
        (
            {"selector": {"matchLabels": {"no": "1"}}},
            'spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`',
        ),
        (
            {"selector": {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["a"]}]}},
            'spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`',
        ),
        ({"selector": None}, "spec.selector: Required value"),
    ],
)
def test_each_way_to_be_wrong_has_upstreams_words(spec: Any, text: str) -> None:
    made = _created(DEPLOYMENT, _workload(**spec))

    assert [error.text for error in DEPLOYMENT.validate(made, None)] == [text]


def test_a_selector_never_changes() -> None:
    old = _created(DAEMON_SET, _workload())
    new = copy.deepcopy(old)
    new["spec"]["selector"]["matchLabels"]["z"] = "1"

    assert [error.text for error in DAEMON_SET.validate(new, old)] == [
        'spec.selector: Invalid value: {"matchLabels":{"app":"a","z":"1"}}: field is immutable',
        'spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`',
    ]


def test_the_pods_of_a_template_are_checked_where_they_stand() -> None:
    made = _created(DEPLOYMENT, _workload())
    made["spec"]["template"]["spec"]["containers"][0].pop("image")

    assert [error.path for error in DEPLOYMENT.validate(made, None)] == ["spec.template.spec.containers[0].image"]


def test_a_job_finds_its_pods_by_its_uid_and_does_not_restart_for_ever() -> None:
    job = _workload()
    job["metadata"]["uid"] = "u1"
    del job["spec"]["selector"]
    job["spec"]["template"]["spec"]["restartPolicy"] = "Never"

    made = _created(JOB, job)

    assert made["spec"]["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": "u1"}}
    assert made["spec"]["template"]["metadata"]["labels"]["batch.kubernetes.io/job-name"] == "a"
    assert (made["spec"]["completions"], made["spec"]["backoffLimit"]) == (1, 6)
    assert JOB.validate(made, None) == []
    made["spec"]["template"]["spec"]["restartPolicy"] = "Always"
    assert [error.path for error in JOB.validate(made, None)] == ["spec.template.spec.restartPolicy"]


def test_a_replication_controller_takes_its_selector_and_labels_from_the_template() -> None:
    kind = TABLE["replicationcontrollers"]
    made = _workload()
    del made["spec"]["selector"]
    made = _created(kind, made)

    assert (made["spec"]["selector"], made["metadata"]["labels"]) == ({"app": "a"}, {"app": "a"})
    assert kind.validate(made, None) == []
    made["spec"]["selector"] = {"app": "b"}
    assert [error.text.partition(":")[0] for error in kind.validate(made, None)] == [
        "spec.template.metadata.labels",
    ]


def test_a_pod_template_is_filled_in_and_checked_like_that_of_a_workload() -> None:
    kind = TABLE["podtemplates"]
    made = _created(kind, {"metadata": {"name": "a"}, "template": _workload()["spec"]["template"]})

    assert made["template"]["spec"]["dnsPolicy"] == "ClusterFirst"
    assert kind.validate(made, None) == []
    made["template"]["spec"]["containers"] = []
    assert [error.path for error in kind.validate(made, None)] == ["template.spec.containers"]


def test_when_a_jobs_pods_are_replaced_depends_on_its_failure_policy() -> None:
    def made(**spec: Any) -> Object:
        found: Object = _created(JOB, _workload(**spec))["spec"]
        return found

    assert made()["podReplacementPolicy"] == "TerminatingOrFailed"
    assert made(podFailurePolicy={"rules": []})["podReplacementPolicy"] == "Failed"
    assert made(backoffLimitPerIndex=1)["backoffLimit"] == 2**31 - 1


def test_a_claim_of_storage_is_pending_and_frozen() -> None:
    kind = TABLE["persistentvolumeclaims"]
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    made = _created(kind, {"metadata": {"name": "a"}, "spec": spec})
    assert (made["status"], made["spec"]["volumeMode"]) == ({"phase": "Pending"}, "Filesystem")
    assert kind.validate(made, None) == []

    larger, other = copy.deepcopy(made), copy.deepcopy(made)
    larger["spec"]["resources"]["requests"]["storage"] = "2Gi"
    other["spec"]["accessModes"] = ["ReadOnlyMany"]
    assert kind.validate(larger, made) == []
    assert [error.path for error in kind.validate(other, made)] == ["spec"]
    bare = _created(kind, {"metadata": {"name": "a"}, "spec": {}})
    assert [error.path for error in kind.validate(bare, None)] == ["spec.accessModes", "spec.resources[storage]"]
