"""Jobs: indexes, policies, deadlines, and that no pod's end is lost."""

from __future__ import annotations

from typing import Any

import pytest
from manifests import job

from spo.model.resource import PODS
from spo.sim.client import Object
from spo.sim.cluster import SimulatedCluster
from spo.sim.controllers.job import JOBS
from spo.sim.controllers.job_pods import FINALIZER, INDEX
from spo.sim.controllers.job_policy import Tally, action_on, verdict_of

FOREVER = ["sleep", "infinity"]


@pytest.fixture
def cluster() -> SimulatedCluster:
    cluster = SimulatedCluster(nodes=2)
    cluster.rest()
    return cluster


def run(cluster: SimulatedCluster, command: list[str], **spec: Any) -> None:
    cluster.client().create(JOBS, job("j", command, **spec))
    cluster.rest()


def status(cluster: SimulatedCluster) -> Object:
    found: Object = cluster.client().get(JOBS, "default", "j")["status"]
    return found


def conditions(cluster: SimulatedCluster) -> list[tuple[str, str, str]]:
    return [(each["type"], each["status"], each["reason"]) for each in status(cluster).get("conditions", ())]


def pods(cluster: SimulatedCluster) -> list[Object]:
    return cluster.client().list(PODS)


def test_each_index_has_a_pod_that_knows_it(cluster: SimulatedCluster) -> None:
    run(cluster, ["true"], completionMode="Indexed", completions=3, parallelism=2)

    assert status(cluster)["completedIndexes"] == "0-2"
    assert [each["metadata"]["labels"][INDEX] for each in pods(cluster)] == ["0", "1", "2"]
    last = pods(cluster)[2]
    assert last["spec"]["hostname"] == "j-2" and last["metadata"]["name"].startswith("j-2-")
    assert last["metadata"]["annotations"][INDEX] == "2"
    assert last["spec"]["containers"][0]["env"][0]["name"] == "JOB_COMPLETION_INDEX"


def test_an_index_with_a_limit_of_its_own_is_given_up_alone(cluster: SimulatedCluster) -> None:
    run(cluster, ["false"], completionMode="Indexed", completions=2, parallelism=2, backoffLimitPerIndex=1)
    cluster.rest()

    assert status(cluster)["failedIndexes"] == "0,1"
    assert status(cluster)["failed"] == 4
    assert conditions(cluster)[-1] == ("Failed", "True", "FailedIndexes")


def test_too_many_failed_indexes_end_the_job(cluster: SimulatedCluster) -> None:
    spec = {"completions": 4, "parallelism": 1, "backoffLimitPerIndex": 0, "maxFailedIndexes": 0}
    run(cluster, ["false"], completionMode="Indexed", **spec)

    assert conditions(cluster)[-1] == ("Failed", "True", "MaxFailedIndexesExceeded")
    assert len(pods(cluster)) == 1


def test_an_exit_code_can_end_the_job_at_once(cluster: SimulatedCluster) -> None:
    rule = {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [3]}}
    run(cluster, ["sh", "-c", "exit 3"], podFailurePolicy={"rules": [rule]})

    assert conditions(cluster)[-1] == ("Failed", "True", "PodFailurePolicy")
    assert "failed with exit code 3 matching FailJob rule at index 0" in status(cluster)["conditions"][-1]["message"]


def test_an_eviction_can_be_forgiven(cluster: SimulatedCluster) -> None:
    rule = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    run(cluster, FOREVER, backoffLimit=0, podFailurePolicy={"rules": [rule]})
    name = pods(cluster)[0]["metadata"]["name"]
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": "default"}}
    cluster.client().create(PODS, eviction, subresource="eviction")
    cluster.rest()

    assert (conditions(cluster), status(cluster).get("failed", 0), status(cluster)["active"]) == ([], 0, 1)
    assert pods(cluster)[0]["metadata"]["name"] != name


def test_success_can_mean_some_indexes_only(cluster: SimulatedCluster) -> None:
    spec = {"completions": 3, "parallelism": 1, "successPolicy": {"rules": [{"succeededIndexes": "0"}]}}
    run(cluster, ["true"], completionMode="Indexed", **spec)

    assert conditions(cluster)[-1] == ("Complete", "True", "SuccessPolicy")
    assert status(cluster)["completedIndexes"] == "0"


def test_a_suspended_job_has_no_pods_and_goes_on_when_it_is_resumed(cluster: SimulatedCluster) -> None:
    run(cluster, FOREVER, suspend=True)
    assert (pods(cluster), conditions(cluster)) == ([], [("Suspended", "True", "JobSuspended")])
    assert "startTime" not in status(cluster)

    for suspend, active in ((False, 1), (True, 0)):
        cluster.client().patch(JOBS, "default", "j", {"spec": {"suspend": suspend}})
        cluster.rest()
        assert status(cluster).get("active", 0) == len(pods(cluster)) == active
    assert status(cluster).get("failed", 0) == 0  # pods that were taken away did not fail


def test_a_deadline_ends_the_job_and_its_pods(cluster: SimulatedCluster) -> None:
    run(cluster, FOREVER, activeDeadlineSeconds=20)
    assert cluster.rest()

    assert conditions(cluster)[-1] == ("Failed", "True", "DeadlineExceeded")
    assert pods(cluster) == []


def test_it_is_over_when_its_last_pod_is_gone(cluster: SimulatedCluster) -> None:
    cluster.client().create(JOBS, job("j", FOREVER, activeDeadlineSeconds=20))
    cluster.run_until(lambda: bool(conditions(cluster)), 60)

    assert [each[0] for each in conditions(cluster)] == ["FailureTarget"]
    assert status(cluster)["terminating"] == 1


def test_it_goes_some_time_after_its_end(cluster: SimulatedCluster) -> None:
    run(cluster, ["true"], ttlSecondsAfterFinished=10)
    assert cluster.rest()

    assert cluster.client().list(JOBS) == []


def test_a_pod_that_is_deleted_counts_as_failed(cluster: SimulatedCluster) -> None:
    run(cluster, FOREVER)
    name = pods(cluster)[0]["metadata"]["name"]
    assert FINALIZER in pods(cluster)[0]["metadata"]["finalizers"]
    cluster.client().delete(PODS, "default", name)
    cluster.rest()

    assert (status(cluster)["failed"], status(cluster)["active"]) == (1, 1)


@pytest.mark.parametrize("policy", ["Background", "Foreground", "Orphan"])
def test_no_pod_keeps_the_finalizer_of_a_job_that_is_gone(cluster: SimulatedCluster, policy: str) -> None:
    run(cluster, FOREVER)
    cluster.client().delete(JOBS, "default", "j", policy=policy)
    assert cluster.rest()

    assert all(FINALIZER not in each["metadata"].get("finalizers", ()) for each in pods(cluster))
    assert len(pods(cluster)) == (policy == "Orphan")


def test_restarted_containers_count_as_failures(cluster: SimulatedCluster) -> None:
    spec = job("j", ["false"], backoffLimit=2)
    spec["spec"]["template"]["spec"]["restartPolicy"] = "OnFailure"
    cluster.client().create(JOBS, spec)
    cluster.run(120)

    assert conditions(cluster)[-1] == ("Failed", "True", "BackoffLimitExceeded")


def test_a_job_of_another_controller_is_left_alone(cluster: SimulatedCluster) -> None:
    run(cluster, ["true"], managedBy="example.com/mine")

    assert (pods(cluster), status(cluster)) == ([], {})


def test_the_first_reason_counts() -> None:
    late = {"backoffLimit": 0, "activeDeadlineSeconds": 5}

    assert verdict_of(late, Tally(failed=1, fail_job="said"), 0, 9.0) == ("Failed", "PodFailurePolicy", "said")
    assert (verdict_of(late, Tally(failed=1), 0, 9.0) or ("", ""))[1] == "BackoffLimitExceeded"
    assert (verdict_of(late, Tally(), 0, 9.0) or ("", ""))[1] == "DeadlineExceeded"
    assert verdict_of(late, Tally(), 0, 4.0) is None


def test_a_rule_can_name_its_container_or_all_codes_but_some() -> None:
    ended = {"name": "main", "state": {"terminated": {"exitCode": 4}}}
    failed = {"metadata": {"namespace": "default", "name": "p"}, "status": {"containerStatuses": [ended]}}

    def action(**codes: Any) -> str:
        return action_on({"rules": [{"action": "FailIndex", "onExitCodes": codes}]}, failed)[0]

    assert action(operator="NotIn", values=[1]) == "FailIndex"
    assert action(operator="NotIn", values=[4]) == "Count"
    assert action(operator="In", values=[4], containerName="other") == "Count"
