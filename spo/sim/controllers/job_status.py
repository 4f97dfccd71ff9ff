"""What a Job's status says: counts, conditions, and the Events that go with them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from spo.sim.controllers import indexes, job_pods
from spo.sim.controllers.job_policy import INTERIM, Tally, Verdict
from spo.sim.shared.index import PodFacts

Object = dict[str, Any]
Told = tuple[str, str, bool]  # reason, message, is it a warning?

SUSPENDED = ("True", "JobSuspended", "Job suspended")
RESUMED = ("False", "JobResumed", "Job resumed")


def is_over(job: Mapping[str, Any]) -> bool:
    return _finished(job) is not None


def ended_at(job: Mapping[str, Any]) -> float:
    """When it was over, in seconds."""
    condition = _finished(job) or {}
    return datetime.fromisoformat(condition["lastTransitionTime"]).timestamp()


def _finished(job: Mapping[str, Any]) -> Object | None:
    conditions = (job.get("status") or {}).get("conditions") or ()
    return next((each for each in conditions if each["type"] in INTERIM and each["status"] == "True"), None)


def status_of(
    job: Object, tally: Tally, verdict: Verdict | None, pods: Sequence[PodFacts], now: str
) -> tuple[Object, list[Told]]:
    """The whole status, and what is to be told when it is written."""
    spec, before = job["spec"], job.get("status") or {}
    active = [pod for pod in pods if pod.is_active]
    terminating = sum(pod.deleting and not pod.is_finished for pod in pods)
    conditions, told = list(before.get("conditions") or ()), list[Told]()
    started = before.get("startTime") or (None if spec.get("suspend") else now)
    if verdict is None:
        started = _suspend(spec, conditions, told, started, now)
    status: Object = {"startTime": started} if started else {}
    counts = {"active": len(active), "succeeded": tally.succeeded, "failed": tally.failed}
    status |= {name: count for name, count in counts.items() if count}
    if job_pods.is_indexed(spec):
        if tally.done:
            status["completedIndexes"] = indexes.written(tally.done)
        if spec.get("backoffLimitPerIndex") is not None:
            status["failedIndexes"] = indexes.written(tally.given_up)
    status |= {"terminating": terminating, "uncountedTerminatedPods": {}, "ready": sum(pod.ready for pod in active)}
    if verdict is not None:
        type_, reason, message = verdict
        _add(conditions, INTERIM[type_], reason, message, now)
        if not active and not terminating:
            _add(conditions, type_, reason, message, now)
            complete = type_ == "Complete"
            told.append(("Completed", "Job completed", False) if complete else (reason, message, True))
            if complete:
                status["completionTime"] = now
    if conditions:
        status["conditions"] = conditions
    return status, told


def _suspend(
    spec: Mapping[str, Any], conditions: list[Object], told: list[Told], started: str | None, now: str
) -> str | None:
    """The condition Suspended, once it matters; and when the Job counts as started."""
    standing = next((each for each in conditions if each["type"] == "Suspended"), None)
    is_suspended = standing is not None and standing["status"] == "True"
    if spec.get("suspend", False) == is_suspended:
        return started
    status, reason, message = SUSPENDED if spec.get("suspend") else RESUMED
    if standing is not None:
        conditions.remove(standing)
    _add(conditions, "Suspended", reason, message, now, status)
    told.append((reason.removeprefix("Job"), message, False))
    return None if status == "True" else now


def _add(conditions: list[Object], type_: str, reason: str, message: str, now: str, status: str = "True") -> None:
    if any(each["type"] == type_ for each in conditions):
        return
    times = {"lastProbeTime": now, "lastTransitionTime": now}
    conditions.append({"type": type_, "status": status, **times, "reason": reason, "message": message})
