"""CronJobs: a Job at each time that the schedule names. Source: pkg/controller/cronjob.

Waiting for the next time does not keep the world from rest. Time is UTC; the API server refuses other zones by name,
and one that came with a dump is told so.
"""

from __future__ import annotations

from datetime import UTC, datetime

from spo.model.resource import Resource
from spo.sim.api.builtin import cron_schedule
from spo.sim.api.status import ApiError
from spo.sim.client import Object
from spo.sim.controllers import job_status
from spo.sim.controllers.adoption import ObjectItems
from spo.sim.controllers.base import Controller, controller_of, controller_reference
from spo.sim.controllers.job import JOBS
from spo.sim.shared.context import SharedContext
from spo.sim.store import Change, StoreKey

CRON_JOBS = Resource("batch", "v1", "cronjobs", "CronJob")
COMPONENT = "cronjob-controller"
SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"
LATE_S = 0.1  # after the time itself, as there: it has come for certain
MISSED_MAX = 1000  # times a schedule is followed through the past; the latest counts


class CronJobs(Controller):
    component = "serviceaccount:kube-system:cronjob-controller"
    watches = frozenset({"cronjobs.batch", "jobs.batch"})

    def __init__(self, context: SharedContext) -> None:
        super().__init__(context)
        self._jobs = ObjectItems(context, JOBS)

    def hear(self, change: Change) -> None:
        if change.key.resource == "cronjobs.batch":
            self.want(change.key)
            return
        record = change.after or change.deleted
        owner = controller_of(record.object()) if record is not None else None
        if owner is not None and owner["kind"] == CRON_JOBS.kind:
            self.want(StoreKey("cronjobs.batch", change.key.namespace, owner["name"]))

    def work(self, key: StoreKey) -> None:
        cron_job = self.context.read(*key)
        if cron_job is None or cron_job["metadata"].get("deletionTimestamp"):
            return
        owned = [self.context.read(*each.key) for each in self._jobs.of(cron_job["metadata"]["uid"])]
        jobs = {each["metadata"]["uid"]: each for each in owned if each is not None}
        status: Object = dict(cron_job.get("status") or {})
        status["active"] = self._active(cron_job, status, jobs)
        self._clean_up(cron_job, list(jobs.values()))
        if not cron_job["spec"].get("suspend"):
            self._follow(key, cron_job, status, jobs)
        if not status["active"]:
            del status["active"]
        if (cron_job.get("status") or {}) != status:
            self.client.update(CRON_JOBS, {**cron_job, "status": status}, "status")

    # -- what there is -----------------------------------------------------------------------------------------------

    def _active(self, cron_job: Object, status: Object, jobs: dict[str, Object]) -> list[Object]:
        """The references to Jobs that are not over; of the others it is told how they went."""
        left = []
        for reference in status.get("active") or ():
            job = jobs.get(reference["uid"])
            if job is None:
                self._tell(cron_job, "MissingJob", f"Active job went missing: {reference['name']}")
            elif not job_status.is_over(job):
                left.append(reference)
            else:
                complete = "completionTime" in job["status"]
                how = "Complete" if complete else "Failed"
                self._tell(cron_job, "SawCompletedJob", f"Saw completed job: {reference['name']}, condition: {how}")
                if complete:
                    ended = (status.get("lastSuccessfulTime", ""), job["status"]["completionTime"])
                    status["lastSuccessfulTime"] = max(ended)
        return left

    def _clean_up(self, cron_job: Object, jobs: list[Object]) -> None:
        """Of Jobs that are over, the newest stay: so many of each end."""
        spec = cron_job["spec"]
        over = [each for each in jobs if job_status.is_over(each)]
        over.sort(key=lambda each: (each["status"].get("startTime", ""), each["metadata"]["name"]))
        for succeeded, limit in (
            (True, spec.get("successfulJobsHistoryLimit", 3)),
            (False, spec.get("failedJobsHistoryLimit", 1)),
        ):
            ended = [each for each in over if ("completionTime" in each["status"]) == succeeded]
            for job in ended[: max(0, len(ended) - limit)]:
                self._delete(cron_job, job)

    def _delete(self, cron_job: Object, job: Object) -> None:
        metadata = job["metadata"]
        if metadata.get("deletionTimestamp"):
            return
        self.client.delete(JOBS, metadata["namespace"], metadata["name"], uid=metadata["uid"], policy="Background")
        self._tell(cron_job, "SuccessfulDelete", f"Deleted job {metadata['name']}")

    # -- what comes ---------------------------------------------------------------------------------------------------

    def _follow(self, key: StoreKey, cron_job: Object, status: Object, jobs: dict[str, Object]) -> None:
        """Make the Job whose time has come, and wait for the next time."""
        spec, now = cron_job["spec"], self.context.timeline.now
        zone = spec.get("timeZone") or ""
        if zone not in cron_schedule.ZONES:
            text = f"invalid timeZone: {zone!r}: the simulated cluster knows UTC only"
            self._tell(cron_job, "UnknownTimeZone", text, warning=True)
            return
        try:
            times = cron_schedule.parse(spec["schedule"])
        except ValueError as error:
            text = f'unparseable schedule: "{spec["schedule"]}" : {error}'
            self._tell(cron_job, "UnparseableSchedule", text, warning=True)
            return
        coming = times.after(now)
        if coming is not None:
            self.want(key, coming - now + LATE_S, idle=True)
        due = _latest(times, _since(cron_job, status, now), now)
        if due is not None and status.get("lastScheduleTime") != _stamp(due):
            self._start(cron_job, status, jobs, due)

    def _start(self, cron_job: Object, status: Object, jobs: dict[str, Object], due: float) -> None:
        metadata, spec = cron_job["metadata"], cron_job["spec"]
        if status["active"] and spec.get("concurrencyPolicy") == "Forbid":
            text = "Not starting job because prior execution is running and concurrency policy is Forbid"
            self._tell(cron_job, "JobAlreadyActive", text)
            return
        if spec.get("concurrencyPolicy") == "Replace":
            for reference in status["active"]:
                self._delete(cron_job, jobs[reference["uid"]])
            status["active"] = []
        try:
            made = self.client.create(JOBS, _job(cron_job, due))
        except ApiError as error:
            if error.code != 409:
                self._tell(cron_job, "FailedCreate", f"Error creating job: {error.message}", warning=True)
                raise
            return
        self._tell(cron_job, "SuccessfulCreate", f"Created job {made['metadata']['name']}")
        fields = {name: made["metadata"][name] for name in ("name", "uid", "resourceVersion")}
        reference = {"kind": JOBS.kind, "namespace": metadata["namespace"], "apiVersion": JOBS.api_version, **fields}
        status["active"] = [*status["active"], reference]
        status["lastScheduleTime"] = _stamp(due)

    def _tell(self, cron_job: Object, reason: str, text: str, *, warning: bool = False) -> None:
        self.context.recorder.tell(cron_job, reason, text, COMPONENT, warning=warning)


def _since(cron_job: Object, status: Object, now: float) -> float:
    """From when on a time counts that was not kept yet."""
    since = datetime.fromisoformat(
        status.get("lastScheduleTime") or cron_job["metadata"]["creationTimestamp"]
    ).timestamp()
    deadline_s = cron_job["spec"].get("startingDeadlineSeconds")
    return since if deadline_s is None else max(since, now - deadline_s)


def _latest(times: cron_schedule.Schedule, since: float, now: float) -> float | None:
    """The last time named after `since` and not after `now`."""
    latest = None
    for _ in range(MISSED_MAX):
        at = times.after(since)
        if at is None or at > now:
            return latest
        latest = since = at
    return latest


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _job(cron_job: Object, due: float) -> Object:
    metadata, template = cron_job["metadata"], cron_job["spec"]["jobTemplate"]
    of_template = template.get("metadata") or {}
    made: Object = {
        "name": f"{metadata['name']}-{int(due) // 60}",
        "namespace": metadata["namespace"],
        "labels": dict(of_template.get("labels") or {}),
        "annotations": {**(of_template.get("annotations") or {}), SCHEDULED: _stamp(due)},
        "ownerReferences": [controller_reference("batch/v1", "CronJob", cron_job)],
    }
    return {"apiVersion": JOBS.api_version, "kind": JOBS.kind, "metadata": made, "spec": template["spec"]}
