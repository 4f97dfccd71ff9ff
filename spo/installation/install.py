"""Installing the operator, or bringing an installed one to this version: apply, then watch it come up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from spo.installation.live import Live, Object, RequestRefused, place
from spo.model.labels import APP
from spo.model.resource import CRDS, DAEMONSETS, DEPLOYMENTS, LEASES, PODS, SECCOMP_PROFILES, SPODS
from spo.model.spod import NAME as SPOD
from spo.model.states import INSTALLED
from spo.reconcile.leader import LOCK
from spo.render.install import IMAGE
from spo.render.rbac import MANAGER

WAIT_S = 180.0
SERVED_S = 30.0  # between a definition and its kind being served
NOT_READY = "not ready"
FOREIGN = f"is this an image of the operator? (Simulated nodes have one, {IMAGE}.)"
BOOKKEEPING = ("managedFields", "resourceVersion", "generation")

Say = Callable[[str], None]


def dry_run(live: Live, wanted: list[dict[str, Any]], say: Say) -> int:
    """Say what would be created and what changed; of what stays as it is, only how much."""
    same = 0
    for manifest in wanted:
        resource, namespace, name = place(manifest)
        found = live.get(resource, namespace, name)
        if found is not None and _content(found) == _content(live.applied(manifest) or {}):
            same += 1
            continue
        verb = "change" if found is not None else "create"
        say(f"would {verb} {resource.kind} {namespace + '/' if namespace else ''}{name}")
    if same:
        say(f"would leave {same} of {len(wanted)} objects as they are")
    return 0


def _content(obj: Object) -> Object:
    """Without what the server counts up by itself, and who wrote which field."""
    metadata = {name: value for name, value in obj.get("metadata", {}).items() if name not in BOOKKEEPING}
    return {**obj, "metadata": metadata}


def install(live: Live, wanted: list[dict[str, Any]], say: Say) -> None:
    """Apply each object, in this order; an object of a new kind waits until the kind is served."""
    for manifest in wanted:
        resource, namespace, name = place(manifest)
        where = f"{resource.kind} {namespace + '/' if namespace else ''}{name}"
        if not live.until(partial(live.apply, manifest), SERVED_S):
            raise RequestRefused(
                f"{where}: the API server does not serve {resource.api_version}, or its namespace is gone"
            )
        if resource == CRDS and not live.until(partial(_established, live, name), SERVED_S):
            raise RequestRefused(f"{where}: not established in {SERVED_S:.0f} s")
    say(f"applied {len(wanted)} objects")


def _established(live: Live, name: str) -> bool:
    definition = live.get(CRDS, "", name) or {}
    conditions = definition.get("status", {}).get("conditions") or ()
    return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)


# -- coming up -----------------------------------------------------------------------------------------------------


def watch(live: Live, namespace: str, image: str, wait_s: float, say: Say) -> bool:
    """Tell each step until all is up. False: it is not after `wait_s`."""
    started, told = live.clock.now(), ""

    def up() -> bool:
        nonlocal told
        parts = progress(live, namespace, image)
        line = " · ".join(text for text, _ in parts)
        if line != told:
            say(f"  {live.clock.now() - started:5.1f} s  {line}")
            told = line
        return all(good for _, good in parts)

    return live.until(up, wait_s)


def progress(live: Live, namespace: str, image: str) -> list[tuple[str, bool]]:
    """How far manager, spod, daemons and shipped profiles are, in words; and whether that is all of it."""
    manager = live.get(DEPLOYMENTS, namespace, MANAGER) or {}
    daemons = live.get(DAEMONSETS, namespace, SPOD) or {}
    spod = (live.get(SPODS, namespace, SPOD) or {}).get("status", {}).get("state", "missing")
    profiles = [
        (each["metadata"]["name"], each.get("status", {}).get("status", "new"))
        for each in live.list(SECCOMP_PROFILES, namespace)
    ]
    return [
        _replicas("manager", manager, image, ("replicas", "updatedReplicas", "availableReplicas")),
        _replicas("daemons", daemons, image, ("desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable")),
        (f"spod {spod}", spod == "RUNNING"),
        *((f"{name} {state}", state == INSTALLED) for name, state in profiles),
    ]


def _replicas(what: str, found: Mapping[str, Any], image: str, fields: tuple[str, str, str]) -> tuple[str, bool]:
    """Of a Deployment or DaemonSet: how many of the wanted pods run this image and are ready."""
    if not found:
        return f"{what} missing", False
    status = found.get("status", {})
    asked, updated, available = (status.get(field, 0) for field in fields)
    asked = found["spec"].get("replicas", asked)
    seen = status.get("observedGeneration") == found["metadata"].get("generation")
    ours = all(each["image"] == image for each in found["spec"]["template"]["spec"]["containers"])
    current = min(updated, available) if seen and ours else 0
    return f"{what} {current}/{asked}", asked > 0 and current == asked


def trouble(live: Live, namespace: str) -> list[str]:
    """What keeps the operator from coming up: pods as the kubelets put it, a manager that does not manage, spod."""
    pods = live.list(PODS, namespace, f"app={APP}")
    lines = [line for pod in pods for line in _of_pod(pod)]
    return [*lines, *_idle(live, namespace, pods), *_of_spod(live, namespace)]


def _of_pod(pod: Object) -> Iterator[str]:
    name, status = f"pod {pod['metadata']['name']}", pod.get("status", {})
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            yield f"{name}: {condition.get('message', 'not scheduled')}"
    for each in status.get("initContainerStatuses") or ():
        if "running" in each.get("state", {}):
            yield f"{_where(pod, each)}: its init container {each['name']} runs and does not end: {FOREIGN}"
            return
        if "terminated" not in each.get("state", {}) or each["state"]["terminated"].get("exitCode"):
            yield f"{_where(pod, each)}: {_why(each)}"
            return
    for each in status.get("containerStatuses") or ():
        if not each.get("ready"):
            yield f"{_where(pod, each)}: {_why(each)}"


def _where(pod: Object, container: Object) -> str:
    return f"pod {pod['metadata']['name']} on {pod['spec'].get('nodeName', 'no node')}, image {container.get('image')}"


def _why(container: Object) -> str:
    """Why it does not run, or is not ready, in the kubelet's words."""
    states = container.get("state", {})
    state = states.get("waiting") or states.get("terminated") or {}
    ended = container.get("lastState", {}).get("terminated", {})
    told = (state.get("reason"), state.get("message"), ended.get("message"))
    return " ".join(filter(None, told)) or NOT_READY


def _idle(live: Live, namespace: str, pods: list[Object]) -> Iterator[str]:
    """Managers that are ready, none of which takes the lead: they run something else."""
    managers = [pod for pod in pods if pod["metadata"].get("labels", {}).get("name") == MANAGER]
    lease = live.get(LEASES, namespace, LOCK) or {}
    if lease.get("spec", {}).get("holderIdentity") in [pod["metadata"]["name"] for pod in managers]:
        return
    for pod in managers:
        for each in pod.get("status", {}).get("containerStatuses") or ():
            if each.get("ready"):
                yield f"{_where(pod, each)}: runs, but does not do a manager's work: {FOREIGN}"


def _of_spod(live: Live, namespace: str) -> Iterator[str]:
    status = (live.get(SPODS, namespace, SPOD) or {}).get("status", {})
    for condition in status.get("conditions") or ():
        if condition["type"] == "Ready" and status.get("state") == "ERROR":
            yield f"spod: {condition['reason']}: {condition['message']}"
