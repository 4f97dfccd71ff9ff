"""The word kubectl has for a pod's state, and the cells of other kinds that take a decision."""

from __future__ import annotations

from typing import Any

import pytest

from spo.sim.api.tables import cells
from spo.sim.api.tables.ages import seconds_of
from spo.sim.api.tables.pods import pod

NOW = seconds_of("2026-01-01T01:00:00Z")
BORN = "2026-01-01T00:00:00Z"


def a_pod(*states: dict[str, Any], phase: str = "Running", **status: Any) -> dict[str, Any]:
    containers = [{"name": f"c{index}"} for index in range(len(states))]
    shown = [{"name": f"c{index}", **state} for index, state in enumerate(states)]
    return {
        "metadata": {"name": "p", "creationTimestamp": BORN},
        "spec": {"containers": containers},
        "status": {"phase": phase, "containerStatuses": shown, **status},
    }


RUNS = {"ready": True, "state": {"running": {}}}
DONE = {"state": {"terminated": {"reason": "Completed", "exitCode": 0}}}
FAILED = {"state": {"terminated": {"exitCode": 3}}}
WAITS = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "restartCount": 4}
READY = [{"type": "Ready", "status": "True"}]


@pytest.mark.parametrize(
    ("obj", "ready", "word"),
    [
        (a_pod(RUNS, RUNS), "2/2", "Running"),
        (a_pod(RUNS, WAITS), "1/2", "CrashLoopBackOff"),
        (a_pod(DONE, RUNS, conditions=READY), "1/2", "Running"),
        (a_pod(DONE, RUNS), "1/2", "NotReady"),
        (a_pod(DONE, FAILED), "0/2", "ExitCode:3"),
        (a_pod(DONE, phase="Succeeded"), "0/1", "Completed"),
        (a_pod(phase="Pending"), "0/0", "Pending"),
        (a_pod(phase="Failed", reason="Evicted"), "0/0", "Evicted"),
    ],
)
def test_a_pod_has_one_word_for_its_state(obj: dict[str, Any], ready: str, word: str) -> None:
    assert pod(obj, NOW)[1:3] == [ready, word]


def test_a_pod_that_goes_is_terminating() -> None:
    obj = a_pod(RUNS)
    obj["metadata"]["deletionTimestamp"] = BORN

    assert pod(obj, NOW)[2] == "Terminating"


def test_restarts_tell_when_the_last_one_was() -> None:
    ended = {"terminated": {"exitCode": 1, "finishedAt": "2026-01-01T00:58:30Z"}}

    assert pod(a_pod({**RUNS, "restartCount": 2, "lastState": ended}), NOW)[3] == "2 (90s ago)"


@pytest.mark.parametrize(
    ("state", "word"),
    [
        ({"waiting": {"reason": "PodInitializing"}}, "Init:0/1"),
        ({"waiting": {"reason": "ImagePullBackOff"}}, "Init:ImagePullBackOff"),
        ({"terminated": {"exitCode": 2}}, "Init:ExitCode:2"),
        ({"running": {}}, "Init:0/1"),
    ],
)
def test_an_init_container_that_is_not_through_is_what_is_told(state: dict[str, Any], word: str) -> None:
    obj = a_pod({"state": {"waiting": {"reason": "PodInitializing"}}}, phase="Pending")
    obj["spec"]["initContainers"] = [{"name": "i"}]
    obj["status"]["initContainerStatuses"] = [{"name": "i", "state": state}]

    assert pod(obj, NOW)[2] == word


def row(obj: dict[str, Any]) -> cells.Row:
    return cells.Row({"metadata": {"name": "x", "creationTimestamp": BORN}, **obj}, NOW)


def test_a_cordoned_node_says_so() -> None:
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}

    shown = cells.TABLE["nodes"](row({"spec": {"unschedulable": True}, "status": ready}))

    assert shown[1:3] == ["Ready,SchedulingDisabled", "<none>"]


def test_a_job_tells_how_long_it_took() -> None:
    times = {"startTime": BORN, "completionTime": "2026-01-01T00:00:42Z", "succeeded": 1}
    done = {"conditions": [{"type": "Complete", "status": "True"}]}

    shown = cells.TABLE["jobs.batch"](row({"spec": {"completions": 1}, "status": {**times, **done}}))

    assert shown[1:4] == ["Complete", "1/1", "42s"]


def test_an_event_of_a_series_counts_as_its_series_does() -> None:
    series = {"count": 7, "lastObservedTime": "2026-01-01T00:59:00.000000Z"}
    about = {"kind": "Pod", "name": "p"}

    shown = cells.TABLE["events"](row({"series": series, "involvedObject": about, "eventTime": BORN}))

    assert (shown[0], shown[3], shown[8]) == ("60s", "pod/p", 7)
