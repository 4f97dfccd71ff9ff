"""Leader election by Lease: who may write for the whole cluster.

As client-go does it: a lease is judged by how long ago *we* saw it change, never by the time written in it, so skewed
clocks cannot make two leaders; who could not renew for RENEW_WITHIN_S stops to lead before anybody else may begin.
"""

from __future__ import annotations

from typing import Any

from spo.cache import View
from spo.events import Key
from spo.intents import NOTHING, Create, Patch, Plan
from spo.model.builtin import LeaseKeep
from spo.model.resource import LEASES
from spo.model.times import micro_stamp

LOCK = "security-profiles-operator-lock"
DURATION_S = 15.0
RENEW_WITHIN_S = 10.0
RENEW_EVERY_S = 5.0


def leads(view: View, namespace: str, identity: str) -> bool:
    """Are we the leader now? Also false when our last renewal is too long ago to be sure."""
    return holds(view, namespace, identity) and _age_s(view, namespace) < RENEW_WITHIN_S


def holds(view: View, namespace: str, identity: str) -> bool:
    """Is our name in the lease, whether or not we may still trust it?"""
    lease = view.one(LeaseKeep, namespace, LOCK)
    return lease is not None and lease.spec.holder_identity == identity


def decide(view: View, key: Key, identity: str) -> Plan:
    """Take the lease if nobody holds it, renew it if we do, look again when the holder may have died."""
    lease = view.one(LeaseKeep, key.namespace, LOCK)
    if lease is None:
        manifest = {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": {"name": LOCK, "namespace": key.namespace},
            "spec": _spec(view, identity, transitions=0, acquired=True),
        }
        return Plan((Create(LEASES, key.namespace, LOCK, manifest),), wake_at=view.now + RENEW_EVERY_S)

    age_s = _age_s(view, key.namespace)
    if lease.spec.holder_identity == identity:
        if age_s < RENEW_EVERY_S:
            return Plan(wake_at=view.now + RENEW_EVERY_S - age_s)
        spec = _spec(view, identity, lease.spec.lease_transitions, acquired=False)
    elif age_s < DURATION_S and lease.spec.holder_identity:
        return Plan(wake_at=view.now + DURATION_S - age_s)
    else:
        spec = _spec(view, identity, lease.spec.lease_transitions + 1, acquired=True)
    patch = Patch(LEASES, key.namespace, LOCK, {"spec": spec}, lease.metadata.resource_version)
    return Plan((patch,), wake_at=view.now + RENEW_EVERY_S)


def release(view: View, key: Key, identity: str) -> Plan:
    """Give the lease back, if it is ours: another may lead at once, instead of in DURATION_S."""
    lease = view.one(LeaseKeep, key.namespace, LOCK)
    if lease is None or lease.spec.holder_identity != identity:
        return NOTHING
    patch = {"spec": {"holderIdentity": "", "leaseDurationSeconds": 1}}
    return Plan((Patch(LEASES, key.namespace, LOCK, patch, lease.metadata.resource_version),))


def _age_s(view: View, namespace: str) -> float:
    return view.now - view.seen_at(LeaseKeep, namespace, LOCK)


def _spec(view: View, identity: str, transitions: int, *, acquired: bool) -> dict[str, Any]:
    now = micro_stamp(view.now)
    spec = {
        "holderIdentity": identity,
        "leaseDurationSeconds": round(DURATION_S),
        "leaseTransitions": transitions,
        "renewTime": now,
    }
    return {**spec, "acquireTime": now} if acquired else spec
