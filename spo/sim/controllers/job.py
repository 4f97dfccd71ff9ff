"""Jobs: pods until enough of them have succeeded, or too many have failed.

Source: pkg/controller/job, pkg/controller/ttlafterfinished. What ends a Job is decided in `job_policy`, its pods are
made in `job_pods`. Not simulated: `uncountedTerminatedPods` stays empty; a pod's end is counted and its finalizer taken
off in one step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from spo.model.resource import PODS, Resource
from spo.sim.api.status import ApiError
from spo.sim.api.verbs.eviction import selector_of
from spo.sim.client import Object
from spo.sim.controllers import indexes, job_pods, job_policy, job_status
from spo.sim.controllers.adoption import Claims, PodItems
from spo.sim.controllers.base import Controller, controller_of
from spo.sim.controllers.job_policy import Tally
from spo.sim.controllers.replicaset import superfluous
from spo.sim.shared.context import SharedContext
from spo.sim.shared.index import PodFacts
from spo.sim.store import Change, StoreKey
from spo.sim.timeline import SECOND_NS

JOBS = Resource("batch", "v1", "jobs", "Job")
COMPONENT = "job-controller"
OWNER_LABEL = "batch.kubernetes.io/controller-uid"
MANAGER = "kubernetes.io/job-controller"
BACK_OFF_S = 10.0
BACK_OFF_S_MAX = 600.0
LONG_S = 60.0  # a deadline farther away than this does not keep the world busy


class _BackOff(Struct):
    """Of a Job, or of one of its indexes: how many in a row, and until when no new pod is made."""

    count: int = 0
    not_before_ns: int = 0

    def another(self, now_ns: int) -> None:
        self.count += 1
        delay_s = min(BACK_OFF_S * 2 ** min(self.count - 1, 10), BACK_OFF_S_MAX)
        self.not_before_ns = now_ns + round(delay_s * SECOND_NS)


class Jobs(Controller):
    """Keys are Jobs, and pods that may have lost theirs."""

    component = "serviceaccount:kube-system:job-controller"
    watches = frozenset({"jobs.batch", "pods"})

    def __init__(self, context: SharedContext) -> None:
        super().__init__(context)
        self._claims: Claims[PodFacts] = Claims(context, self.client, JOBS, PodItems(context))
        self._backoffs: dict[tuple[str, int | None], _BackOff] = {}  # by the Job's uid, and index

    def hear(self, change: Change) -> None:
        if change.after is not None:
            self.want(change.key)
            return
        uid = self._claims.forget(change.key)
        for failed in [each for each in self._backoffs if each[0] == uid]:
            del self._backoffs[failed]
        for pod in self.context.pods.of(uid):
            self.want(pod.key)

    def hear_pod(self, old: PodFacts | None, new: PodFacts | None) -> None:
        concerned = self._claims.concerned(old, new)
        for key in concerned:
            self.want(key)
        if new is not None and not new.owner and (OWNER_LABEL in new.labels or concerned):
            self.want(new.key)

    def work(self, key: StoreKey) -> None:
        if key.resource == "pods":
            self._let_go(key)
            return
        job = self.context.read(*key)
        if job is None or job["spec"].get("managedBy", MANAGER) != MANAGER:
            return
        pods = list(self._claims.of(job, selector_of(job["spec"]["selector"])))
        if job_status.is_over(job):
            self._settle(job, pods)
            self._live_on(key, job)
        else:
            self._sync(key, job, pods)

    # -- one pass ----------------------------------------------------------------------------------------------------

    def _sync(self, key: StoreKey, job: Object, pods: list[PodFacts]) -> None:
        spec, status = job["spec"], job.get("status") or {}
        uid, suspended = job["metadata"]["uid"], spec.get("suspend", False)
        ended = self._ended(spec, pods)
        tally = self._tally(job, ended)
        age_s = 0.0 if suspended else self._age_s(status)
        restarts = self._restarts(spec, pods)
        verdict = job_policy.standing_verdict(status) or job_policy.verdict_of(spec, tally, restarts, age_s)
        active = [pod for pod in pods if pod.is_active]
        refusal: ApiError | None = None
        if verdict is not None:
            for pod in active:
                self.delete_pod(job, pod, COMPONENT)
        elif not job["metadata"].get("deletionTimestamp"):
            try:
                self._manage(key, job, tally, pods)
            except ApiError as error:
                refusal = error
            if job_policy.is_complete(spec, tally, len(self._active(uid))):
                verdict = job_policy.COMPLETIONS
        present = list(self.context.pods.of(uid))
        self._say(job, tally, verdict, present)
        self._take_off(ended)
        self._watch_deadline(key, spec, age_s)
        if refusal is not None:
            raise refusal

    def _active(self, uid: str) -> list[PodFacts]:
        return [pod for pod in self.context.pods.of(uid) if pod.is_active]

    def _ended(self, spec: Mapping[str, Any], pods: Sequence[PodFacts]) -> list[tuple[PodFacts, Object]]:
        """Pods whose end was not counted yet, as facts and as objects."""
        found = []
        for pod in pods:
            if job_pods.has_succeeded(pod) or job_pods.has_failed(pod, spec):
                obj = self.context.read(*pod.key)
                if obj is not None and job_pods.FINALIZER in (obj["metadata"].get("finalizers") or ()):
                    found.append((pod, obj))
        return found

    def _tally(self, job: Object, ended: Sequence[tuple[PodFacts, Object]]) -> Tally:
        spec, status, uid = job["spec"], job.get("status") or {}, job["metadata"]["uid"]
        completions, limit = spec.get("completions") or 0, spec.get("backoffLimitPerIndex")
        done = set(indexes.parse(status.get("completedIndexes", ""), completions))
        given_up = set(indexes.parse(status.get("failedIndexes", ""), completions))
        tally = Tally(status.get("succeeded", 0), status.get("failed", 0))
        for pod, obj in ended:
            index = job_pods.index_of(pod.labels, completions) if job_pods.is_indexed(spec) else None
            if job_pods.has_succeeded(pod):
                tally.succeeded += 1
                self._backoffs.pop((uid, None), None)
                if index is not None:
                    done.add(index)
                continue
            action, why = job_policy.action_on(spec.get("podFailurePolicy"), obj)
            if action == "Ignore":
                continue
            tally.failed += 1
            if action == "FailJob":
                tally.fail_job = tally.fail_job or why
            failures = self._backoffs.setdefault((uid, None if limit is None else index), _BackOff())
            failures.another(self.context.timeline.now_ns)
            if index is not None and limit is not None and (action == "FailIndex" or _failed_before(obj) >= limit):
                given_up.add(index)
        if job_pods.is_indexed(spec):
            tally.succeeded = len(done)
        tally.done, tally.given_up = frozenset(done), frozenset(given_up)
        return tally

    def _restarts(self, spec: Mapping[str, Any], pods: Sequence[PodFacts]) -> int:
        """Of containers in pods that restart them: each counts as a failure."""
        if spec["template"]["spec"].get("restartPolicy") != "OnFailure":
            return 0
        running = [self.context.read(*pod.key) or {} for pod in pods if not pod.is_finished]
        fields = ("initContainerStatuses", "containerStatuses")
        return sum(
            container.get("restartCount", 0)
            for pod in running
            for field in fields
            for container in (pod.get("status") or {}).get(field) or ()
        )

    # -- making and deleting pods ------------------------------------------------------------------------------------

    def _manage(self, key: StoreKey, job: Object, tally: Tally, pods: Sequence[PodFacts]) -> None:
        spec = job["spec"]
        active = [pod for pod in pods if pod.is_active]
        terminating = sum(pod.deleting and not pod.is_finished for pod in pods)
        wanted = _wanted(spec, tally, len(active))
        surplus = _surplus(spec, active, wanted)
        for pod in surplus:
            self._take_off([(pod, obj)] if (obj := self.context.read(*pod.key)) is not None else [])
            self.delete_pod(job, pod, COMPONENT)
        held = terminating if job_pods.replaces_failed_only(spec) else 0
        lacking = wanted - len(active) - held
        if surplus or lacking <= 0:
            return
        if job_pods.is_indexed(spec):
            self._create_indexed(key, job, tally, pods, lacking)
        elif self._may_create(key, job, None):
            for _ in range(lacking):
                self.create_pod(job, job_pods.make(job, None, 0), COMPONENT)

    def _create_indexed(self, key: StoreKey, job: Object, tally: Tally, pods: Sequence[PodFacts], lacking: int) -> None:
        spec = job["spec"]
        completions, each_limited = spec.get("completions") or 0, spec.get("backoffLimitPerIndex") is not None
        if not each_limited and not self._may_create(key, job, None):
            return
        holds = job_pods.replaces_failed_only(spec)
        taken = {
            job_pods.index_of(pod.labels, completions)
            for pod in pods
            if pod.is_active or (holds and pod.deleting and not pod.is_finished)
        }
        for index in range(completions):
            if lacking <= 0:
                return
            if index in taken or index in tally.done or index in tally.given_up:
                continue
            if each_limited and not self._may_create(key, job, index):
                continue
            failed = self._backoffs.get((job["metadata"]["uid"], index), _BackOff()).count if each_limited else 0
            self.create_pod(job, job_pods.make(job, index, failed), COMPONENT)
            lacking -= 1

    def _may_create(self, key: StoreKey, job: Object, index: int | None) -> bool:
        """False while it waits after a failure; it is looked at again then."""
        failures = self._backoffs.get((job["metadata"]["uid"], index))
        early_ns = failures.not_before_ns - self.context.timeline.now_ns if failures is not None else 0
        if early_ns > 0:
            self.want(key, early_ns / SECOND_NS)
        return early_ns <= 0

    # -- finalizers --------------------------------------------------------------------------------------------------

    def _settle(self, job: Object, pods: list[PodFacts]) -> None:
        """A Job that is over counts no more, but lets its pods go."""
        self._take_off(self._ended(job["spec"], pods))

    def _take_off(self, ended: Sequence[tuple[PodFacts, Object]]) -> None:
        for pod, obj in ended:
            left = [each for each in obj["metadata"].get("finalizers") or () if each != job_pods.FINALIZER]
            patch = {"metadata": {"uid": pod.uid, "finalizers": left or None}}
            try:
                self.client.patch(PODS, pod.key.namespace, pod.key.name, patch)
            except ApiError as error:
                if error.code not in (404, 409):
                    raise

    def _let_go(self, key: StoreKey) -> None:
        """Nobody will ever count this pod's end."""
        pod, obj = self.context.pods.all.get(key), self.context.read(*key)
        if pod is None or obj is None or job_pods.FINALIZER not in (obj["metadata"].get("finalizers") or ()):
            return
        owner = controller_of(obj)
        if owner is None or self._claims.key_of(str(owner["uid"])) is None:
            self._take_off([(pod, obj)])

    # -- time --------------------------------------------------------------------------------------------------------

    def _age_s(self, status: Mapping[str, Any]) -> float:
        started = status.get("startTime")
        return self.context.timeline.now - datetime.fromisoformat(started).timestamp() if started else 0.0

    def _watch_deadline(self, key: StoreKey, spec: Mapping[str, Any], age_s: float) -> None:
        deadline_s = spec.get("activeDeadlineSeconds")
        if deadline_s is not None and not spec.get("suspend") and age_s < deadline_s:
            self.want(key, deadline_s - age_s, idle=deadline_s > LONG_S)

    def _live_on(self, key: StoreKey, job: Object) -> None:
        """Delete a Job that has been over for `ttlSecondsAfterFinished`."""
        ttl_s, metadata = job["spec"].get("ttlSecondsAfterFinished"), job["metadata"]
        if ttl_s is None or metadata.get("deletionTimestamp"):
            return
        left_s = job_status.ended_at(job) + ttl_s - self.context.timeline.now
        if left_s > 0:
            self.want(key, left_s, idle=left_s > LONG_S)
        else:
            self.client.delete(JOBS, key.namespace, key.name, uid=metadata["uid"], policy="Foreground")

    # -- saying ------------------------------------------------------------------------------------------------------

    def _say(self, job: Object, tally: Tally, verdict: job_policy.Verdict | None, pods: Sequence[PodFacts]) -> None:
        before = job.get("status") or {}
        status, told = job_status.status_of(job, tally, verdict, pods, self.context.timeline.stamp())
        if before == status:
            return
        self.client.update(JOBS, {**job, "status": status}, "status")
        for reason, message, warning in told:
            self.context.recorder.tell(job, reason, message, COMPONENT, warning=warning)


def _failed_before(pod: Mapping[str, Any]) -> int:
    text = (pod["metadata"].get("annotations") or {}).get(job_pods.FAILURES, "0")
    return int(text) if text.isdigit() else 0


def _wanted(spec: Mapping[str, Any], tally: Tally, active: int) -> int:
    """How many pods should run now."""
    parallelism: int = 0 if spec.get("suspend") else spec.get("parallelism", 1)
    completions: int | None = spec.get("completions")
    if completions is None:
        return min(active, parallelism) if tally.succeeded else parallelism
    given_up = len(tally.given_up)
    return max(0, min(parallelism, completions - tally.succeeded - given_up))


def _surplus(spec: Mapping[str, Any], active: Sequence[PodFacts], wanted: int) -> list[PodFacts]:
    """Which of the pods that run are too many: second ones of an index first."""
    found: list[PodFacts] = []
    if job_pods.is_indexed(spec):
        seen: set[int | None] = set()
        for pod in sorted(active, key=lambda each: (each.created, each.key)):
            index = job_pods.index_of(pod.labels, spec.get("completions") or 0)
            if index is None or index in seen:
                found.append(pod)
            seen.add(index)
    left = [pod for pod in active if pod not in found]
    return found + superfluous(left, max(0, len(left) - wanted))
