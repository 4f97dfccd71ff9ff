"""How large each ReplicaSet of a Deployment should be next. Pure. Source: pkg/controller/deployment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from spo.sim.controllers.podtemplate import share


class SetFacts(Struct, frozen=True):
    """One ReplicaSet as a roll-out sees it. `ceiling`: the most pods the Deployment could have when it was sized."""

    name: str
    wanted: int
    present: int
    available: int
    ceiling: int = 0


class Bounds(Struct, frozen=True):
    """Of a rolling update: so many more pods than `replicas` there may be, and so many fewer available ones."""

    surge: int
    unavailable: int


def bounds_of(spec: Mapping[str, Any]) -> Bounds:
    replicas = spec.get("replicas", 1)
    strategy = spec.get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return Bounds(0, replicas)
    rolling = strategy.get("rollingUpdate") or {}
    surge = share(rolling.get("maxSurge"), replicas, up=True, default=1)
    unavailable = share(rolling.get("maxUnavailable"), replicas, up=False, default=0)
    return Bounds(surge, min(unavailable, replicas) or (not surge))


def roll(new: SetFacts, old: Sequence[SetFacts], replicas: int, surge: int, unavailable: int) -> dict[str, int]:
    """The next sizes, by name of ReplicaSet; empty when nothing is to change now.

    The new one grows as far as the surge allows. The old ones shrink by what is not available anyway, then by what the
    available pods above the minimum allow (deployment/rolling.go).
    """
    sizes: dict[str, int] = {}
    if new.wanted > replicas:
        sizes[new.name] = replicas
    elif new.wanted < replicas:
        room = replicas + surge - new.wanted - sum(each.wanted for each in old)
        if room > 0:
            sizes[new.name] = min(replicas, new.wanted + room)
    wanted_new = sizes.get(new.name, new.wanted)
    total = wanted_new + sum(each.wanted for each in old)
    can_go = total - (replicas - unavailable) - (wanted_new - new.available)
    for sick_first in (True, False):
        for each in old:
            left = sizes.get(each.name, each.wanted)
            dispensable = max(0, each.wanted - each.available) if sick_first else left
            going = min(dispensable, left, max(0, can_go))
            if going:
                sizes[each.name] = left - going
                can_go -= going
    return sizes


def recreate(new: SetFacts | None, old: Sequence[SetFacts], replicas: int) -> dict[str, int]:
    """Old pods go first; when they are gone, the new ones come."""
    shrinking = {each.name: 0 for each in old if each.wanted}
    if shrinking or new is None or any(each.present for each in old):
        return shrinking
    return {new.name: replicas} if new.wanted != replicas else {}


def rescale(
    new: SetFacts | None, old: Sequence[SetFacts], replicas: int, surge: int, before: int, rolling: bool
) -> dict[str, int]:
    """The sizes after `replicas` changed (or while paused): each set keeps its share (sync.go, scale).

    `old` is ordered from the oldest to the newest. `before`: pods the Deployment had, for sets that do not say.
    """
    every = [*old, new] if new is not None else list(old)
    active = [each for each in every if each.wanted]
    if len(active) <= 1:
        one = active[0] if active else every[-1] if every else None
        return {one.name: replicas} if one is not None and one.wanted != replicas else {}
    if new is not None and new.wanted == replicas == new.available and new.ceiling == replicas + surge:
        return {each.name: 0 for each in old if each.wanted}  # the new one has all that is wanted
    if not rolling:
        return {}
    ceiling = replicas + surge if replicas else 0
    to_add = ceiling - sum(each.wanted for each in active)
    newest_first = list(reversed(active))
    ranked = sorted(newest_first if to_add > 0 else active, key=lambda each: -each.wanted)
    sizes, added = {}, 0
    for each in ranked:
        part = _share_of(each, replicas, ceiling, to_add, added, before)
        sizes[each.name] = each.wanted + part
        added += part
    sizes[ranked[0].name] = max(0, sizes[ranked[0].name] + to_add - added)
    return sizes


def _share_of(each: SetFacts, replicas: int, ceiling: int, to_add: int, added: int, before: int) -> int:
    """What a set gets of `to_add` (which may be negative), without going beyond it."""
    if not to_add or to_add == added:
        return 0
    fraction = -each.wanted
    if replicas:
        fraction = round(each.wanted * ceiling / (each.ceiling or before or 1)) - each.wanted
    return min(fraction, to_add - added) if to_add > 0 else max(fraction, to_add - added)
