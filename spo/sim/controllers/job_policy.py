"""When a Job is done or given up, and which failed pods count. Pure.

Source: pkg/controller/job (job_controller.go, pod_failure_policy.go, success_policy.go).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from spo.sim.controllers.indexes import parse

Object = dict[str, Any]

COMPLETIONS = ("Complete", "CompletionsReached", "Reached expected number of succeeded pods")
BACK_OFF = ("Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
DEADLINE = ("Failed", "DeadlineExceeded", "Job was active longer than specified deadline")
TOO_MANY_INDEXES = (
    "Failed",
    "MaxFailedIndexesExceeded",
    "Job has exceeded the specified maximal number of failed indexes",
)
FAILED_INDEXES = ("Failed", "FailedIndexes", "Job has failed indexes")
INTERIM = {"Complete": "SuccessCriteriaMet", "Failed": "FailureTarget"}

Verdict = tuple[str, str, str]  # Complete or Failed, reason, message


class Tally(Struct):
    """How far a Job is."""

    succeeded: int = 0
    failed: int = 0
    done: frozenset[int] = frozenset()  # completion indexes
    given_up: frozenset[int] = frozenset()
    fail_job: str = ""  # what the failure policy says ends the job


def standing_verdict(status: Mapping[str, Any]) -> Verdict | None:
    """What was decided earlier, and waits for the last pods to go."""
    for type_, interim in INTERIM.items():
        for each in status.get("conditions") or ():
            if each["type"] == interim and each["status"] == "True":
                return type_, each["reason"], each["message"]
    return None


def verdict_of(spec: Mapping[str, Any], tally: Tally, restarts: int, age_s: float) -> Verdict | None:
    """Is it over, whatever still runs? `restarts`: of containers that their pods restart; `age_s`: since its start."""
    limit, deadline_s = spec.get("backoffLimit", 6), spec.get("activeDeadlineSeconds")
    if tally.fail_job:
        return "Failed", "PodFailurePolicy", tally.fail_job
    if tally.failed > limit or (restarts and restarts >= limit):
        return BACK_OFF
    if deadline_s is not None and age_s >= deadline_s:
        return DEADLINE
    if spec.get("backoffLimitPerIndex") is not None:
        most = spec.get("maxFailedIndexes")
        if most is not None and len(tally.given_up) > most:
            return TOO_MANY_INDEXES
        if tally.given_up and len(tally.given_up) + len(tally.done) >= spec.get("completions", 0):
            return FAILED_INDEXES
    return _success(spec, tally)


def is_complete(spec: Mapping[str, Any], tally: Tally, active: int) -> bool:
    """Without `completions`, one success is enough once no pod is left."""
    completions: int | None = spec.get("completions")
    return not active and tally.succeeded >= (1 if completions is None else completions)


def _success(spec: Mapping[str, Any], tally: Tally) -> Verdict | None:
    for number, rule in enumerate((spec.get("successPolicy") or {}).get("rules") or ()):
        done = tally.done
        needed = rule.get("succeededCount")
        if "succeededIndexes" in rule:
            named = parse(rule["succeededIndexes"], spec.get("completions", 0))
            done &= named
            needed = len(named) if needed is None else needed
        if needed and len(done) >= needed:
            return "Complete", "SuccessPolicy", f"Matched rules at index {number}"
    return None


# -- pod failure policies ----------------------------------------------------------------------------------------


def action_on(policy: Mapping[str, Any] | None, pod: Mapping[str, Any]) -> tuple[str, str]:
    """What a failed pod means: Count, Ignore, FailIndex or FailJob; and why, for the last."""
    metadata, status = pod["metadata"], pod.get("status") or {}
    name = f"{metadata['namespace']}/{metadata['name']}"
    for number, rule in enumerate((policy or {}).get("rules") or ()):
        action = rule["action"]
        if rule.get("onExitCodes"):
            container = _exited(status, rule["onExitCodes"])
            if container is not None:
                code = container["state"]["terminated"]["exitCode"]
                what = f"Container {container['name']} for pod {name} failed with exit code {code}"
                return action, f"{what} matching {action} rule at index {number}"
        else:
            condition = _condition(status, rule.get("onPodConditions") or ())
            if condition:
                return action, f"Pod {name} has condition {condition} matching {action} rule at index {number}"
    return "Count", ""


def _exited(status: Mapping[str, Any], wanted: Mapping[str, Any]) -> Object | None:
    for field in ("containerStatuses", "initContainerStatuses"):
        for container in status.get(field) or ():
            ended = (container.get("state") or {}).get("terminated")
            named = wanted.get("containerName") in (None, "", container["name"])
            if not ended or not ended.get("exitCode") or not named:
                continue
            if (ended["exitCode"] in wanted["values"]) == (wanted["operator"] == "In"):
                found: Object = container
                return found
    return None


def _condition(status: Mapping[str, Any], patterns: Iterable[Mapping[str, Any]]) -> str:
    for condition in status.get("conditions") or ():
        for pattern in patterns:
            if (condition["type"], condition["status"]) == (pattern["type"], pattern.get("status", "True")):
                return str(condition["type"])
    return ""
