"""From a pod template to pods: hashes, names, owner references. Shared by all controllers that make pods."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from spo.sim.client import Object
from spo.sim.keys import SAFE_LETTERS

TEMPLATE_HASH = "pod-template-hash"
REVISION_HASH = "controller-revision-hash"
TEMPLATE_GENERATION = "pod-template-generation"


def template_hash(template: Mapping[str, Any]) -> str:
    """Up to ten letters that depend on the template's content alone (real ones hash Go's memory dump; no two agree).

    As there, they are the digits of a number of 32 bits, each by its character code: so only ten letters occur.
    """
    canonical = msgspec.json.encode(template, order="sorted")
    number = int.from_bytes(hashlib.sha256(canonical).digest()[:4], "big")
    return "".join(SAFE_LETTERS[ord(digit) % len(SAFE_LETTERS)] for digit in str(number))


def pod_of(template: Mapping[str, Any], namespace: str, owner: Mapping[str, Any], labels: Mapping[str, str]) -> Object:
    """A pod to create: the template's metadata and spec, `labels` added, owned by `owner` (a reference)."""
    metadata = template.get("metadata") or {}
    made: Object = {
        "generateName": owner["name"][:58] + "-",
        "namespace": namespace,
        "labels": {**(metadata.get("labels") or {}), **labels},
        "ownerReferences": [dict(owner)],
    }
    for field in ("annotations", "finalizers"):
        if metadata.get(field):
            made[field] = metadata[field]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": made, "spec": dict(template["spec"])}


def share(value: int | str | None, of: int, *, up: bool, default: int) -> int:
    """An integer or a percentage of `of` (`maxUnavailable`, `maxSurge`), rounded up or down."""
    if value is None:
        return default
    if isinstance(value, int):
        return value
    percent = int(value.rstrip("%"))
    return -(-percent * of // 100) if up else percent * of // 100
