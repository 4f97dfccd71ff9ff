"""One who wants to know a kind, hears of it through a door, and remembers: what a role's cache would know."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct, field

from spo.cache import Cache
from spo.doors.ports import Cluster
from spo.events import Deaf, Event, Listed, Seen, Vanished
from spo.interest import Interest
from spo.model.builtin import KeepMeta
from spo.model.resource import Resource

WITHIN_S = 20.0

CONFIGMAPS = Resource("", "v1", "configmaps", "ConfigMap")


class Kept(Struct, frozen=True):
    """Enough of any object to tell its versions apart."""

    metadata: KeepMeta = field(default_factory=KeepMeta)
    data: Mapping[str, str] = {}


class Listener:
    """Pumps a door until something is known."""

    def __init__(self, door: Cluster, interest: Interest, pass_time: Callable[[], None]) -> None:
        self.events: list[Event] = []  # of objects and full lists
        self.hearing: list[bool] = []  # each time news stopped, or came again
        self.cache = Cache((interest,))
        self._door = door
        self._interest = interest
        self._pass_time = pass_time
        door.want(interest)

    def look(self) -> None:
        for event in self._door.take():
            if isinstance(event, Deaf) or event == Listed(self._interest.keep):
                self.hearing.append(isinstance(event, Listed))
            else:
                self.events.append(event)
            self.cache.apply(event)

    def until(self, condition: Callable[[], Any], within_s: float = WITHIN_S, moments: int = 20_000) -> None:
        """Fails if it does not come true, by the clock or after so many moments of the world's time."""
        end = time.monotonic() + within_s
        while True:
            self.look()
            if condition():
                return
            moments -= 1
            assert time.monotonic() < end and moments, f"not in {within_s} s; heard: {self.story()[-20:]}"
            self._pass_time()

    def until_listed(self) -> None:
        self.until(lambda: self.cache.knows([self._interest.keep]))

    def until_known(self, *names: str) -> None:
        """Exactly these are known."""
        self.until(lambda: self.names() == sorted(names))

    def names(self) -> list[str]:
        return [each.metadata.name for each in self.cache.all(self._interest.keep)]

    def one(self, namespace: str, name: str) -> Any:
        return self.cache.one(self._interest.keep, namespace, name)

    def versions(self) -> dict[tuple[str, str], str]:
        """What is known: the version of each object."""
        known = self.cache.all(self._interest.keep)
        return {(each.metadata.namespace, each.metadata.name): each.metadata.resource_version for each in known}

    def story(self) -> list[tuple[str, str]]:
        """What was heard, as (word, name)."""
        told: list[tuple[str, str]] = []
        for event in self.events:
            match event:
                case Seen(key) | Vanished(key):
                    told.append((type(event).__name__.lower(), key.name))
                case Listed():
                    told.append(("listed", ""))
        return told
