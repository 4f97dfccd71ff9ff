"""What a writer of a spool promises: whole lines, or none."""

from __future__ import annotations

import pytest

from spo.doors.ports import DiskError
from tests.conformance.lines.worlds import Files, rotate, taken


def test_what_is_appended_is_read(files: Files) -> None:
    writer, reader = files.writer(), files.reader()
    writer.append([b"one", b"", b"three"])
    assert taken(reader) == [b"one", b"", b"three"]

    writer.append([b"four"])
    files.writer().append([b"five"])
    assert taken(reader) == [b"four", b"five"]
    assert files.read() == b"one\n\nthree\nfour\nfive\n"


def test_who_appends_after_a_rotation_begins_a_new_file(files: Files) -> None:
    writer, reader = files.writer(), files.reader()
    writer.append([b"one"])
    rotate(files)
    writer.append([b"two"])

    assert (files.read("log.1"), files.read("log")) == (b"one\n", b"two\n")
    assert taken(reader) == [b"one", b"two"]


@pytest.mark.parametrize("whole", [b"", b"one\n"])
@pytest.mark.parametrize("torn", [b"h", b"half a line", b"x" * 10_000])
def test_a_line_that_was_torn_when_its_writer_was_killed_is_never_a_line(
    files: Files, whole: bytes, torn: bytes
) -> None:
    files.put(whole + torn)
    reader = files.reader()
    assert taken(reader) == whole.split()

    files.writer().append([b"two"])
    assert files.read() == whole + b"two\n"
    assert taken(reader) == [b"two"]


def test_what_would_be_two_lines_is_refused(files: Files) -> None:
    with pytest.raises(ValueError, match="is more than one line"):
        files.writer().append([b"one", b"two\nthree"])

    assert files.names() == []


def test_a_symlink_or_a_directory_in_place_of_the_spool_is_not_written_to(files: Files) -> None:
    files.put(b"theirs\n")
    files.rename("log", "elsewhere")
    files.link("log", "elsewhere")
    with pytest.raises(DiskError) as refusal:
        files.writer().append([b"one"])
    assert refusal.value.reason == "ELOOP"
    assert files.read("elsewhere") == b"theirs\n"

    files.remove("log")
    files.make_directory("log")
    with pytest.raises(DiskError) as refusal:
        files.writer().append([b"one"])
    assert refusal.value.reason == "EISDIR"


def test_a_full_disk_takes_all_lines_or_none(small: Files) -> None:
    writer, reader = small.writer(), small.reader()
    writer.append([b"one"])
    small.fill_up()
    with pytest.raises(DiskError) as refusal:
        writer.append([b"x" * 1000] * 100)
    assert refusal.value.reason == "ENOSPC"
    assert small.read() == b"one\n"
    assert taken(reader) == [b"one"]

    small.heal()
    writer.append([b"two"])
    assert taken(reader) == [b"two"]


def test_a_full_disk_on_which_the_spool_was_not_yet_leaves_no_line(small: Files) -> None:
    small.fill_up()
    with pytest.raises(DiskError) as refusal:
        small.writer().append([b"x" * 1000])
    assert refusal.value.reason == "ENOSPC"

    assert taken(small.reader()) == []
