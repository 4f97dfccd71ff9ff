"""An operator that the present state brings: its pods become pods of the operator under test. Pure.

Rules
    1. Definitions of our group are this release's, whatever the input has: the operator under test works with them.
    2. An installation of ours, told by what its containers run, is taken as it is, with its settings, whatever its
       image is called: containers of that image run the operator under test.
    3. Any other Security Profiles Operator, told by the names and labels that all of its releases give, makes room: its
       workloads and pods are left out, ours are installed in their place and namespace.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from spo.input.load import Loaded
from spo.model.labels import APP
from spo.model.resource import CRDS, DAEMONSETS, DEPLOYMENTS, GROUP, PODS
from spo.model.spod import NAME as SPOD
from spo.render.rbac import MANAGER

WORKLOADS = frozenset({PODS.kind, DEPLOYMENTS.kind, DAEMONSETS.kind, "ReplicaSet", "ControllerRevision"})
OURS_BEGIN_WITH = "lay-profile"  # what the first init container of our pods runs, and nobody else's

Object = Mapping[str, Any]


class Taken(Struct, frozen=True):
    """The present state without what makes room; the operator's namespace (empty: there is none in it), the images
    whose containers run the operator under test, and what to say of it.
    """

    present: Sequence[Loaded]
    namespace: str = ""
    images: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def take_over(present: Sequence[Loaded], image: str) -> Taken:
    """Look for an operator in the present state. `image`: how ours is called."""
    rest = [item for item in present if not _is_definition_of_ours(item)]
    notes = []
    if len(rest) < len(present):
        notes.append(f"the definitions of {GROUP} are this release's, not those of the input")
    found = [item for item in rest if _is_operators(item)]
    if not found:
        return Taken(rest, notes=tuple(notes))
    namespace = found[0].namespace
    found = [item for item in found if item.namespace == namespace]
    images = sorted({name for item in found for name in _images(item)})
    if any(_is_ours(item) for item in found):
        notes += [
            f"pods of image {name} in namespace {namespace} are taken for this operator's"
            for name in images
            if name != image
        ]
        return Taken(rest, namespace, tuple(images), tuple(notes))
    left_out = [id(item) for item in found]
    pods = sum(item.kind == PODS.kind for item in found)
    notes.append(
        f"the operator of the input ({', '.join(images)}) makes room for this one, in namespace {namespace}: "
        f"{pods} pods and {len(found) - pods} other objects of it are left out; its settings and profiles stay"
    )
    return Taken([item for item in rest if id(item) not in left_out], namespace, notes=tuple(notes))


def _is_definition_of_ours(item: Loaded) -> bool:
    return item.kind == CRDS.kind and item.name.endswith(f".{GROUP}")


def _is_operators(item: Loaded) -> bool:
    """A workload or pod of a Security Profiles Operator, of whatever release: by its label, or by its names."""
    if item.kind not in WORKLOADS:
        return False
    metadata = item.object["metadata"]
    labelled = (metadata.get("labels") or {}).get("app") == APP
    owners = {str(owner.get("name")) for owner in metadata.get("ownerReferences") or ()}
    return labelled and any(name == SPOD or name.startswith((MANAGER, f"{SPOD}-")) for name in (item.name, *owners))


def _is_ours(item: Loaded) -> bool:
    inits = _pod_spec(item).get("initContainers") or ()
    return any((each.get("args") or [""])[0] == OURS_BEGIN_WITH for each in inits)


def _images(item: Loaded) -> Iterable[str]:
    return (str(each["image"]) for each in _pod_spec(item).get("containers") or () if each.get("image"))


def _pod_spec(item: Loaded) -> Object:
    spec: Object = item.object.get("spec") or {}
    template: Object = spec.get("template") or {}
    found: Object = template.get("spec") or spec
    return found
