"""What a container wrote: the sub-resource `log` of pods. What that is, whoever runs the containers has to tell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from spo.sim.api.ages import seconds_of
from spo.sim.api.call import Call
from spo.sim.api.http import Response
from spo.sim.api.listing import number
from spo.sim.api.resources import converted
from spo.sim.api.rest import Rest
from spo.sim.api.routing import truth
from spo.sim.api.status import bad_request
from spo.sim.timeline import SECOND_NS, Timeline

Object = dict[str, Any]
Line = tuple[float, str]  # when, in simulated seconds since 1970; and what
Output = Callable[[str, str, str], Iterable[Line]]  # namespace, pod, container → lines in order

_TEXT = (("Content-Type", "text/plain"),)
_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
_STATUSES = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")


def silence(namespace: str, pod: str, container: str) -> Iterable[Line]:
    """Nothing is known of what containers write."""
    return ()


class Logs:
    """Answers `kubectl logs`. A log that is followed ends with what there is now."""

    def __init__(self, rest: Rest, timeline: Timeline) -> None:
        self._rest = rest
        self._timeline = timeline
        self.output: Output = silence

    def get(self, call: Call) -> Response:
        """Raises ApiError 400 for a container that is not there, or has not started."""
        record = self._rest.record(call)
        pod = converted(call.served, record)
        container = _container(pod, call.query.get("container", ""))
        if not pod["spec"].get("nodeName"):
            return Response(200, _TEXT)
        _check_started(pod, container, truth(call.query.get("previous")))
        lines = list(self.output(record.key.namespace, record.key.name, container))
        return Response(200, _TEXT, self._chosen(lines, call.query))

    def _chosen(self, lines: list[Line], query: Mapping[str, str]) -> bytes:
        """The lines the query asks for."""
        begin = 0.0
        if query.get("sinceSeconds"):
            begin = self._timeline.now_ns / SECOND_NS - number(query, "sinceSeconds")
        elif query.get("sinceTime"):
            try:
                begin = seconds_of(query["sinceTime"])
            except ValueError as fault:
                raise bad_request(f"parsing time: {fault}") from None
        chosen = [line for line in lines if line[0] >= begin]
        if query.get("tailLines"):
            tail = number(query, "tailLines")
            chosen = chosen[-tail:] if tail > 0 else []
        stamped = truth(query.get("timestamps"))
        text = "".join(f"{_stamp(at)} {line}\n" if stamped else f"{line}\n" for at, line in chosen).encode()
        return text[: number(query, "limitBytes")] if query.get("limitBytes") else text


def _container(pod: Object, wanted: str) -> str:
    name, spec = pod["metadata"]["name"], pod["spec"]
    if wanted:
        if not any(c["name"] == wanted for field in _CONTAINERS for c in spec.get(field) or ()):
            raise bad_request(f"container {wanted} is not valid for pod {name}")
        return wanted
    if len(spec["containers"]) == 1:
        return str(spec["containers"][0]["name"])
    names = " ".join(c["name"] for field in _CONTAINERS for c in spec.get(field) or ())
    raise bad_request(f"a container name must be specified for pod {name}, choose one of: [{names}]")


def _check_started(pod: Object, container: str, previous: bool) -> None:
    """The kubelet's answers (kuberuntime, validateContainerLogStatus)."""
    status = pod.get("status") or {}
    found: Object = next((s for field in _STATUSES for s in status.get(field) or () if s["name"] == container), {})
    name, state, last = pod["metadata"]["name"], found.get("state") or {}, found.get("lastState") or {}
    if previous:
        if not last.get("terminated"):
            raise bad_request(f'previous terminated container "{container}" in pod "{name}" not found')
    elif not {"running", "terminated"} & state.keys() and "terminated" not in last:
        reason = (state.get("waiting") or {}).get("reason") or "ContainerCreating"
        raise bad_request(f'container "{container}" in pod "{name}" is waiting to start: {reason}')


def _stamp(at: float) -> str:
    moment = datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{moment}.{round(at % 1 * 10**9):09d}Z"
