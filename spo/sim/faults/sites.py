"""Where something can go wrong: the sites, what is asked for there, and how a fault says whose and which of it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from msgspec import Struct

NAME_ENDS = "-./:@ "  # after which a name of whoever asks goes on
PLACE_ENDS = " /"  # after which an object's place, or a path, does


class Site(Enum):
    """A part of the simulated world that can be struck."""

    API = "api"  # a request to the API server, whoever asks
    WATCH = "watch"  # an event on its way to a watcher
    DIRECTORY = "directory"  # what one program asks of a directory of its node
    DISK = "disk"  # a node's disk, whoever asks: the kubelet, a program
    NODE = "node"  # the machine
    API_SERVER = "apiServer"  # the process
    CLOCK = "clock"  # what programs take for the time


READS = ("get", "list", "watch")
WRITES = ("create", "update", "patch", "apply", "delete", "deletecollection")
VERBS: Mapping[Site, tuple[str, ...]] = {
    Site.API: READS + WRITES,
    Site.WATCH: ("ADDED", "MODIFIED", "DELETED", "BOOKMARK"),
    Site.DIRECTORY: ("write", "remove"),
    Site.DISK: ("read", "write", "remove"),
}


class Operation(Struct, frozen=True):
    """Something that is asked for at a site, before its fate is known."""

    site: Site
    who: tuple[str, ...]  # all names of whoever asks, the narrowest first: pod, user, User-Agent; at a disk, the node
    what: str  # one of the site's verbs
    on: str  # `Kind namespace/name`, or a path
    own: bool = False  # of the cluster's own parts, or its administrator

    def __str__(self) -> str:
        return f"{self.what} {self.on} by {self.who[0]}"

    def fits(self, who: str = "", what: str = "", on: str = "") -> bool:
        """Is it asked by `who`, with this verb, on that? Empty `what` and `on` mean any.

        An empty `who` is whoever is not the cluster's own: those are meant only where they are named.
        """
        return (
            (not what or what == self.what)
            and begins(self.on, on, PLACE_ENDS)
            and (any(begins(name, who) for name in self.who) if who else not self.own)
        )


def begins(text: str, start: str, ends: str = NAME_ENDS) -> bool:
    """Does `text` begin with `start`, in whole words? `web` means `web-7d4`, `node-1` does not mean `node-10`."""
    if not text.startswith(start):
        return False
    return len(start) in (0, len(text)) or start[-1] in ends or text[len(start)] in ends


class Crash(BaseException):
    """The program dies here and now; nothing in it may catch this."""
