"""What a profile directory has told of its files, and which paths it speaks of at all: the same in both worlds."""

from __future__ import annotations

from collections.abc import Mapping

from spo.doors.ports import DiskError
from spo.events import Event, FileSeen, Listed
from spo.model import kinds

LOOK_EVERY_S = 9.0  # a file comes back within 10 s: what follows the look takes its time, too
UNREADABLE = "unreadable"  # told in place of a SHA-256: there is a file, and it is certainly not the one we want


def is_profile(path: str) -> bool:
    """Is it ours to speak of? Not if it could leave the directory, is hidden (half-written), or foreign."""
    parts = path.split("/")
    ours = path.endswith(kinds.file_suffixes()) and path.isprintable()
    return ours and all(part and part[0] != "." for part in parts)


def parts_of(path: str) -> list[str]:
    """The components of a profile's path. Raises DiskError (EINVAL) for a path that we do not speak of."""
    if not is_profile(path):
        raise DiskError("EINVAL", f"{path!r} is not the path of a profile below the operator's directory")
    return path.split("/")


class FileWatch:
    """Remembers what was told of each file; what a look finds is told only if it is something else."""

    def __init__(self) -> None:
        self.listed = False  # has a first full look succeeded?
        self._told: dict[str, str] = {}
        self._news: list[Event] = []
        self._looked_at: float | None = None

    def is_time_to_look(self, now: float) -> bool:
        """Every few seconds; at once when the clock was set back."""
        return self._looked_at is None or not 0 <= now - self._looked_at < LOOK_EVERY_S

    def looking(self, now: float) -> None:
        self._looked_at = now

    def next_look(self, now: float) -> float:
        """When it will be time to look, seen from `now`."""
        return now if self._looked_at is None or self.is_time_to_look(now) else self._looked_at + LOOK_EVERY_S

    def did(self, path: str, sha256: str | None) -> None:
        """We wrote or removed it: told in any case, so that whoever did it hears that it came about."""
        self._news.append(FileSeen(path, sha256))
        self._remember(path, sha256)

    def found(self, path: str, sha256: str | None) -> None:
        """A look at one path."""
        if self._told.get(path) != sha256:
            self.did(path, sha256)

    def found_all(self, files: Mapping[str, str]) -> None:
        """A full look; what is not in `files` is not there. The first one ends with `Listed`."""
        for path in sorted({*files, *self._told}):
            self.found(path, files.get(path))
        if not self.listed:
            self.listed = True
            self._news.append(Listed(FileSeen))

    def take(self) -> list[Event]:
        """The news, once."""
        news, self._news = self._news, []
        return news

    def _remember(self, path: str, sha256: str | None) -> None:
        if sha256 is None:
            self._told.pop(path, None)
        else:
            self._told[path] = sha256
