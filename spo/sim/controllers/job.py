"""Jobs: pods until enough of them have succeeded, or too many have failed.

Not simulated: indexed completion, suspension, pod failure policies, `ttlSecondsAfterFinished`, `activeDeadlineSeconds`,
and the tracking finalizer on pods: a pod that is deleted before its end was seen is not counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spo.model.resource import Resource
from spo.sim.client import Object
from spo.sim.controllers.base import Controller, Uids, World, controller_reference
from spo.sim.controllers.index import PodFacts
from spo.sim.controllers.podtemplate import pod_of
from spo.sim.store import Change, StoreKey

JOBS = Resource("batch", "v1", "jobs", "Job")
COMPONENT = "job-controller"
BACK_OFF_S = 10.0
BACK_OFF_S_MAX = 600.0

COMPLETE = ("CompletionsReached", "Reached expected number of succeeded pods")
FAILED = ("BackoffLimitExceeded", "Job has reached the specified backoff limit")


class Jobs(Controller):
    component = "serviceaccount:kube-system:job-controller"
    watches = frozenset({"jobs.batch", "pods"})

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._keys = Uids()
        self._not_before_ns: dict[StoreKey, int] = {}  # no new pod earlier: the last ones failed

    def hear(self, change: Change) -> None:
        if change.after is None:
            self._keys.drop(change.key)
            self._not_before_ns.pop(change.key, None)
        else:
            self.want(change.key)

    def hear_pod(self, old: PodFacts | None, new: PodFacts | None) -> None:
        pod = new or old
        assert pod is not None
        key = self._keys.key_of(pod.owner)
        if key is None:
            return
        if new is not None and new.phase == "Failed" and (old is None or old.phase != "Failed"):
            failures = sum(each.phase == "Failed" for each in self.world.pods.of(pod.owner))
            delay_s = min(BACK_OFF_S * 2 ** (failures - 1), BACK_OFF_S_MAX)
            self._not_before_ns[key] = self.world.timeline.now_ns + round(delay_s * 1e9)
        self.want(key)

    def work(self, key: StoreKey) -> None:
        job = self.world.read(*key)
        if job is None:
            return
        self._keys.add(key, job["metadata"]["uid"])
        if job["metadata"].get("deletionTimestamp") or is_over(job):
            return
        pods = list(self.world.pods.of(job["metadata"]["uid"]))
        before = job.get("status") or {}
        succeeded = max(before.get("succeeded", 0), sum(pod.phase == "Succeeded" for pod in pods))
        failed = max(before.get("failed", 0), sum(pod.phase == "Failed" for pod in pods))
        active = [pod for pod in pods if pod.is_active]
        verdict = verdict_of(job["spec"], succeeded, failed)
        if verdict:
            for pod in active:
                self.delete_pod(job, pod, COMPONENT)
            active = []
        else:
            self._create_lacking(key, job, lacking(job["spec"], succeeded, len(active)))
            active = [pod for pod in self.world.pods.of(job["metadata"]["uid"]) if pod.is_active]
        self._say(job, verdict, succeeded, failed, active)

    def _create_lacking(self, key: StoreKey, job: Object, count: int) -> None:
        early_ns = self._not_before_ns.get(key, 0) - self.world.timeline.now_ns
        if count and early_ns > 0:
            self.want(key, early_ns / 1e9)
            return
        for _ in range(count):
            self._create(job)

    def _create(self, job: Object) -> None:
        reference = controller_reference("batch/v1", "Job", job)
        pod = pod_of(job["spec"]["template"], job["metadata"]["namespace"], reference, {})
        self.create_pod(job, pod, COMPONENT)

    def _say(self, job: Object, verdict: str, succeeded: int, failed: int, active: list[PodFacts]) -> None:
        now = self.world.timeline.stamp()
        before = job.get("status") or {}
        counts = {"active": len(active), "succeeded": succeeded, "failed": failed}
        status: dict[str, Any] = {
            "startTime": before.get("startTime", now),
            **{name: count for name, count in counts.items() if count},
            "terminating": 0,
            "uncountedTerminatedPods": {},
            "ready": sum(pod.ready for pod in active),
        }
        if verdict == "Complete":
            status["conditions"] = [
                _condition("SuccessCriteriaMet", *COMPLETE, now),
                _condition(verdict, *COMPLETE, now),
            ]
            status["completionTime"] = now
        elif verdict == "Failed":
            status["conditions"] = [_condition("FailureTarget", *FAILED, now), _condition(verdict, *FAILED, now)]
        if before != status:
            self.client.update(JOBS, {**job, "status": status}, "status")
            if verdict == "Complete":
                self.world.recorder.tell(job, "Completed", "Job completed", COMPONENT)
            elif verdict:
                self.world.recorder.tell(job, FAILED[0], FAILED[1], COMPONENT, warning=True)


def is_over(job: Mapping[str, Any]) -> bool:
    conditions = (job.get("status") or {}).get("conditions") or ()
    return any(each["type"] in ("Complete", "Failed") and each["status"] == "True" for each in conditions)


def verdict_of(spec: Mapping[str, Any], succeeded: int, failed: int) -> str:
    """Complete, Failed, or empty: still at work. Without `completions`, one success is enough."""
    if failed > spec.get("backoffLimit", 6):
        return "Failed"
    return "Complete" if succeeded >= (spec.get("completions") or 1) else ""


def lacking(spec: Mapping[str, Any], succeeded: int, active: int) -> int:
    """How many pods to make now."""
    parallelism: int = spec.get("parallelism", 1)
    completions: int | None = spec.get("completions")
    wanted = parallelism if completions is None else min(parallelism, completions - succeeded)
    return max(0, wanted - active)


def _condition(type_: str, reason: str, message: str, now: str) -> Object:
    return {
        "type": type_,
        "status": "True",
        "lastProbeTime": now,
        "lastTransitionTime": now,
        "reason": reason,
        "message": message,
    }
