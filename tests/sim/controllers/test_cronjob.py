"""CronJobs: a Job at each time that the schedule names."""

from __future__ import annotations

from typing import Any

import pytest
from manifests import template

from spo.model.resource import EVENTS
from spo.sim.api.status import ApiError
from spo.sim.client import Object
from spo.sim.cluster import SimulatedCluster
from spo.sim.controllers.cronjob import CRON_JOBS
from spo.sim.controllers.job import JOBS


@pytest.fixture
def cluster() -> SimulatedCluster:
    cluster = SimulatedCluster(nodes=1)
    cluster.rest()
    return cluster


def create(cluster: SimulatedCluster, command: str, **spec: Any) -> None:
    of_pod = template(container={"command": command.split()}, restartPolicy="Never")
    wanted = {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": of_pod}}, **spec}
    metadata = {"name": "tick", "namespace": "default"}
    cluster.client().create(
        CRON_JOBS, {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata, "spec": wanted}
    )
    cluster.rest()


def status(cluster: SimulatedCluster) -> Object:
    found: Object = cluster.client().get(CRON_JOBS, "default", "tick")["status"]
    return found


def reasons(cluster: SimulatedCluster) -> set[str]:
    return {each["reason"] for each in cluster.client().list(EVENTS) if each["involvedObject"]["name"] == "tick"}


def test_a_job_is_made_at_each_minute_and_the_last_three_are_kept(cluster: SimulatedCluster) -> None:
    create(cluster, "true")
    cluster.run(5 * 60 + 10)

    jobs = cluster.client().list(JOBS)
    assert len(jobs) == 3
    assert "active" not in status(cluster)
    assert status(cluster)["lastScheduleTime"] <= status(cluster)["lastSuccessfulTime"]
    assert jobs[0]["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"].endswith(":00Z")


def test_waiting_for_the_next_time_is_rest(cluster: SimulatedCluster) -> None:
    create(cluster, "true")

    assert cluster.rest()
    assert cluster.client().list(JOBS) == []


@pytest.mark.parametrize(("policy", "jobs"), [("Allow", 3), ("Forbid", 1), ("Replace", 1)])
def test_what_still_runs_is_joined_waited_for_or_replaced(cluster: SimulatedCluster, policy: str, jobs: int) -> None:
    create(cluster, "sleep infinity", concurrencyPolicy=policy)
    cluster.run(3 * 60 + 10)

    names = {each["name"] for each in status(cluster)["active"]}
    assert len(names) == len(cluster.client().list(JOBS)) == jobs
    assert ("JobAlreadyActive" in reasons(cluster)) == (policy == "Forbid")
    assert ("SuccessfulDelete" in reasons(cluster)) == (policy == "Replace")


def test_a_suspended_one_makes_none(cluster: SimulatedCluster) -> None:
    create(cluster, "true", suspend=True)
    cluster.run(150)

    assert cluster.client().list(JOBS) == []


def test_after_a_pause_the_latest_time_counts_unless_it_is_too_late(cluster: SimulatedCluster) -> None:
    create(cluster, "sleep infinity", suspend=True, schedule="*/10 * * * *", startingDeadlineSeconds=60)
    cluster.run(25 * 60)
    cluster.client().patch(CRON_JOBS, "default", "tick", {"spec": {"suspend": False}})
    cluster.run(60)
    assert cluster.client().list(JOBS) == []

    cluster.client().patch(CRON_JOBS, "default", "tick", {"spec": {"startingDeadlineSeconds": None}})
    cluster.run(1)
    assert [each["name"] for each in status(cluster)["active"]] == [cluster.client().list(JOBS)[0]["metadata"]["name"]]


@pytest.mark.parametrize(
    ("spec", "reason"),
    [({"schedule": "often"}, "UnparseableSchedule"), ({"timeZone": "Europe/Berlin"}, "UnknownTimeZone")],
)
def test_what_it_cannot_follow_is_refused_or_told_where_it_was_there_before(
    cluster: SimulatedCluster, spec: Object, reason: str
) -> None:
    with pytest.raises(ApiError, match="Invalid value"):
        create(cluster, "true", **spec)

    create(cluster, "true")
    dumped = cluster.client().get(CRON_JOBS, "default", "tick")
    dumped["spec"] |= spec
    cluster.load([dumped])
    cluster.rest()
    assert reasons(cluster) == {reason}
