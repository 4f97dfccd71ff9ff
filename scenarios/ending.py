"""How a simulated world stands at the end of a story, without what differs from run to run anyway."""

from __future__ import annotations

import difflib
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from spo.model import kinds
from spo.sim.cluster import SimulatedCluster
from spo.testbed.invariants import ROOT

# When it happened, which copy it was, how often it had to be started; and what is a hash over some of that.
MASKED = frozenset(
    """
    uid resourceVersion creationTimestamp deletionTimestamp managedFields generation observedGeneration
    lastTransitionTime lastHeartbeatTime lastUpdateTime lastProbeTime startTime completionTime startedAt finishedAt
    acquireTime renewTime podIP podIPs containerID restartCount lastState
    holderIdentity leaseTransitions spo.x-k8s.io/rendered
    deprecated.daemonset.template.generation pod-template-generation
    """.split()
)
DYING = frozenset({"CannotStartSPOD"})  # said of a daemon that died often enough to have to wait
GENERATED_VOLUME = re.compile(r"kube-api-access-[a-z0-9]{5}")
TALES = "events"  # compared by what they say, not one by one: they are counted up, and go by themselves
HISTORY = "controllerrevisions.apps"  # which templates were seen in passing is a matter of timing
OURS = frozenset(resource.kind for resource in kinds.written_by_users().values())
SHOWN_LINES = 60

Object = dict[str, Any]
Ending = list[str]  # lines, in a fixed order


def ending(cluster: SimulatedCluster) -> Ending:
    """Every object but its times and copies, how many there are of each kind, what was said of ours, every file."""
    kinds = sorted({*cluster.store.resources()} - {HISTORY})
    objects = [(kind, each) for kind in kinds for each in _objects(cluster, kind)]
    names = {each["metadata"]["name"]: _told_name(each) for _, each in objects if "generateName" in each["metadata"]}
    counts = Counter(kind for kind, _ in objects if kind != TALES)
    lines = [f"{number} {kind}" for kind, number in sorted(counts.items())]
    lines += sorted(_line(kind, each, names) for kind, each in objects if kind != TALES)
    lines += sorted({_tale(each, names) for kind, each in objects if kind == TALES and _is_ours(each)})
    for name, node in sorted(cluster.nodes.items()):
        lines += [f"{name}:{path} {data.decode()}" for path, data in node.disk.peek_below(ROOT)]
    return lines


def differences(wanted: Ending, found: Ending) -> str:
    """What differs, in the form of a diff; empty if nothing does."""
    if wanted == found:
        return ""
    lines = difflib.unified_diff(_long(wanted), _long(found), "without a crash", "with it", n=0, lineterm="")
    shown = [line[:1000] for line in lines]
    more = [f"… and {len(shown) - SHOWN_LINES} lines more"] if len(shown) > SHOWN_LINES else []
    return "\n".join([*shown[:SHOWN_LINES], *more])


def _long(lines: Ending) -> list[str]:
    """An object's fields on lines of their own, each with its object's name: a diff shows what of which differs."""
    told = []
    for line in lines:
        head, brace, rest = line.partition(" {")
        fields = json.dumps(json.loads("{" + rest), indent=1).splitlines() if brace else [""]
        told += [f"{head} {field}".rstrip() for field in fields]
    return told


def _objects(cluster: SimulatedCluster, kind: str) -> Iterator[Object]:
    return (record.object() for record in cluster.store.scan(kind))


def _told_name(obj: Object) -> str:
    """What stands for a generated name: by what and for which node it was generated."""
    return f"{obj['metadata']['generateName']}<{obj.get('spec', {}).get('nodeName', '')}>"


def _line(kind: str, obj: Object, names: dict[str, str]) -> str:
    metadata = obj["metadata"]
    going = " (going)" if "deletionTimestamp" in metadata else ""
    name = names.get(metadata["name"], metadata["name"])
    text = json.dumps(_mask(obj), sort_keys=True)
    for generated, told in names.items():
        text = text.replace(generated, told)
    return f"{kind} {metadata.get('namespace', '')}/{name}{going} {GENERATED_VOLUME.sub('kube-api-access', text)}"


def _mask(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _mask(each) for key, each in value.items() if key not in MASKED}
    if isinstance(value, list):
        return [_mask(each) for each in value]
    return value


def _is_ours(event: Object) -> bool:
    return event["involvedObject"]["kind"] in OURS and event["reason"] not in DYING


def _tale(event: Object, names: dict[str, str]) -> str:
    about, message = event["involvedObject"], event["message"]
    for generated, told in names.items():
        message = message.replace(generated, told)
    return f"event {about['kind']} {about.get('namespace', '')}/{about['name']} {event['reason']}: {message}"
