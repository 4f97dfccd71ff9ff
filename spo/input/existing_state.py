"""A real cluster's dump becomes the simulated cluster's present state: what the server set stays as it was."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable
from typing import Any

from spo.input.load import Loaded
from spo.model.listing import listed
from spo.model.resource import CRDS, GROUP, NAMESPACES
from spo.sim.cluster import NotLoaded, SimulatedCluster
from spo.sim.node.disk import Disk
from spo.sim.node.runtime import SECCOMP_ROOT
from spo.sim.store import StoreKey

# What stands in a profile file that we know of only because pods run under it. It lets everything through, as it must
# have done: they run.
UNKNOWN_PROFILE = b'{"defaultAction":"SCMP_ACT_ALLOW"}'

SHOWN = 5  # names in a note
SERVED_S_MAX = 10.0  # until a kind is served whose definition is there

Object = dict[str, Any]


def adopt(cluster: SimulatedCluster, present: Iterable[Loaded]) -> list[str]:
    """Put these objects into the cluster; gives notes for the reader.

    Nodes become simulated nodes; running pods run on them already; files that such pods need stand on the disks.
    Namespaces that are used but not there are made; owners that are not there are let go of.
    """
    objects = [item.object for item in present]
    uids = {obj["metadata"]["uid"] for obj in objects}
    orphans: Counter[str] = Counter()
    files: dict[tuple[str, str], None] = {}
    taken: list[Object] = []
    for obj in objects:
        missing = [owner for owner in obj["metadata"].get("ownerReferences") or () if owner.get("uid") not in uids]
        if missing:
            # An owner that is not there would have the garbage collector delete the object.
            orphans += Counter(str(owner.get("kind")) for owner in missing)
            obj = _without_owners(obj, missing)
        if obj["kind"] == "Pod":
            files |= _files_in_use(obj)
        taken.append(obj)
    # A kind is served a moment after its definition is there; what is loaded before that would be lost.
    cluster.load(obj for obj in taken if obj["kind"] == CRDS.kind)
    cluster.run_until(lambda: not _not_served(cluster, taken), SERVED_S_MAX)
    made = [*_make_namespaces(cluster, taken), *_make_nodes(cluster, taken)]
    left = cluster.load(obj for obj in taken if obj["kind"] != CRDS.kind)
    for node, path in files:
        if node in cluster.nodes:
            _put_unknown(cluster.nodes[node].disk, path)
    return [*_notes_on_owners(orphans), *made, *map(_note_on_unserved, left.objects), *notes_on_fields(left)]


def _not_served(cluster: SimulatedCluster, objects: Iterable[Object]) -> bool:
    kinds = {(obj["apiVersion"], obj["kind"]) for obj in objects}
    return any(cluster.resource(*kind) is None for kind in kinds)


def _note_on_unserved(obj: Object) -> str:
    why = f"no {obj['apiVersion']} of {obj['kind']} is served here"
    return f"{obj['kind']} {_name(obj)} is left out: {why}; give its CustomResourceDefinition, too"


def notes_on_fields(left: NotLoaded) -> list[str]:
    """A note for each field that the CRDs here do not have, with the objects that had it."""
    by_field: dict[tuple[str, str, str], list[str]] = {}
    for obj, path in left.fields:
        by_field.setdefault((obj["apiVersion"], obj["kind"], path), []).append(_name(obj))
    notes = []
    for (api_version, kind, path), names in by_field.items():
        note = f"{kind} {listed(names, SHOWN, ',')}: {path} is no field of the CRD here, and the API server drops it"
        ours = api_version.startswith(f"{GROUP}/")
        notes.append(f"{note}; `spo convert` writes what another release meant by it" if ours else note)
    return notes


def _name(obj: Object) -> str:
    return "/".join(filter(None, (obj["metadata"].get("namespace"), obj["metadata"]["name"])))


def make_namespace(cluster: SimulatedCluster, name: str) -> None:
    """A namespace, as an administrator makes it."""
    cluster.client().create(NAMESPACES, {"metadata": {"name": name}})


def _make_namespaces(cluster: SimulatedCluster, objects: Iterable[Object]) -> list[str]:
    """Namespaces that the objects are in but that nobody brings. Gives notes."""
    brought = {obj["metadata"]["name"] for obj in objects if obj["kind"] == "Namespace"}
    used = {space: None for obj in objects if (space := obj["metadata"].get("namespace"))}
    missing = [
        name for name in used if name not in brought and cluster.store.get(StoreKey("namespaces", "", name)) is None
    ]
    for name in missing:
        make_namespace(cluster, name)
    return [f"namespace {name} was not in the input, and was made" for name in missing]


def _make_nodes(cluster: SimulatedCluster, objects: Iterable[Object]) -> list[str]:
    """Nodes that pods run on but that nobody brings. Gives notes."""
    brought = {obj["metadata"]["name"] for obj in objects if obj["kind"] == "Node"}
    used = {(obj.get("spec") or {}).get("nodeName"): None for obj in objects if obj["kind"] == "Pod"}
    missing = [name for name in used if name and name not in brought]
    for name in missing:
        cluster.add_node(name)
    if not missing:
        return []
    nodes, were = ("1 node", "was") if len(missing) == 1 else (f"{len(missing):,} nodes", "were")
    more = " …" if len(missing) > SHOWN else ""
    shown = ", ".join(missing[:SHOWN]) + more
    return [f"{nodes} that pods run on but that the input does not have {were} made: {shown}"]


def _without_owners(obj: Object, missing: list[Object]) -> Object:
    changed = {**obj, "metadata": copy.deepcopy(obj["metadata"])}
    changed["metadata"]["ownerReferences"] = [o for o in obj["metadata"]["ownerReferences"] if o not in missing]
    return changed


def _notes_on_owners(orphans: Counter[str]) -> list[str]:
    if not orphans:
        return []
    kinds = ", ".join(f"{kind} ({number:,})" for kind, number in sorted(orphans.items()))
    return [f"owners that are not in the input: {kinds}; what they own stands by itself here"]


def _files_in_use(pod: Object) -> dict[tuple[str, str], None]:
    """Node and path of the profile files without which the pod's running containers could not run."""
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    node = spec.get("nodeName")
    running = {each["name"] for each in status.get("containerStatuses") or () if "running" in (each.get("state") or {})}
    found: dict[tuple[str, str], None] = {}
    for container in spec.get("containers") or ():
        own = (container.get("securityContext") or {}).get("seccompProfile")
        profile = own or (spec.get("securityContext") or {}).get("seccompProfile") or {}
        if node and container["name"] in running and profile.get("type") == "Localhost":
            found[node, f"{SECCOMP_ROOT}/{profile.get('localhostProfile', '')}"] = None
    return found


def _put_unknown(disk: Disk, path: str) -> None:
    if not disk.exists(path):
        disk.write(path, UNKNOWN_PROFILE)
