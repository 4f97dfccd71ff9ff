"""What happens between two looks at the files of a log, which no world does when told to."""

from __future__ import annotations

import pytest

from spo.doors.lines import Loss, Position
from spo.doors.log_reader import LogFile, LogReader
from spo.doors.ports import DiskError


class Shelf:
    """Files by generation, named by their identity."""

    def __init__(self, *generations: tuple[str, bytes]) -> None:
        self.generations = list(generations)
        self.renamed: set[str] = set()  # since somebody looked
        self.broken: set[str] = set()  # cannot be read
        self._open = ""
        self._data = b""

    def look(self, generation: int) -> LogFile | None:
        if generation >= len(self.generations):
            return None
        name, data = self.generations[generation]
        return LogFile(generation, name, len(data))

    def open(self, file: LogFile) -> bool:
        if file.identity in self.renamed:
            return False
        self._open, self._data = self.generations[file.generation]
        return True

    def size(self) -> int:
        return len(self._data)

    def read(self, offset: int, size: int) -> bytes:
        if self._open in self.broken:
            raise DiskError("EIO", self._open)
        return self._data[offset : offset + size]

    def close(self) -> None: ...


def test_a_file_that_was_renamed_since_we_looked_is_opened_with_the_next_take() -> None:
    shelf = Shelf(("new", b"two\n"), ("old", b"one\n"), ("oldest", b"zero\n"))
    reader = LogReader(shelf, Position("old"))
    shelf.renamed = {"old"}
    batch = reader.take()
    assert (batch.lines, batch.position, batch.losses) == ((), Position("old"), ())

    shelf.renamed = {"new"}
    assert reader.take().lines == (b"one",)
    assert reader.take().lines == ()
    shelf.renamed = set()
    assert reader.take().lines == (b"two",)


def test_a_loss_is_told_though_the_take_that_found_it_failed() -> None:
    shelf = Shelf(("new", b"two\n"), ("old", b"one\nhalf"))
    reader = LogReader(shelf)
    assert reader.take().lines == (b"one",)
    shelf.broken = {"new"}
    with pytest.raises(DiskError):
        reader.take()

    shelf.broken = set()
    batch = reader.take()
    assert (batch.lines, batch.losses) == ((b"two",), (Loss("unfinished", 1, 4),))


def test_a_file_that_is_met_twice_because_it_was_renamed_meanwhile_is_read_once() -> None:
    shelf = Shelf(("a", b"one\n"), ("a", b"one\n"))
    reader = LogReader(shelf)

    assert [reader.take().lines for _ in range(2)] == [(b"one",), ()]
