"""What a reader of lines promises: whole lines, in order, from a position on; and what it cannot give, it says."""

from __future__ import annotations

import random

import pytest

from spo.doors.lines import Loss, Position
from spo.doors.ports import DiskError
from tests.conformance.lines.worlds import Files, Kernel, World, rotate, taken


def restarted(position: Position | None) -> Position | None:
    """What the next process finds of it."""
    return None if position is None else Position.decode(position.encode())


# -- lines and positions ---------------------------------------------------------------------------------------------


def test_a_log_is_read_from_its_oldest_line_in_order(world: World) -> None:
    world.put(b"one\n\nthree\n")
    reader = world.reader()

    assert reader.take().lines == (b"one", b"", b"three")
    assert reader.take().lines == ()
    world.put(b"four\n")
    assert reader.take().lines == (b"four",)


def test_a_log_that_is_not_there_yet_is_read_when_it_comes(world: World) -> None:
    reader = world.reader()
    assert (reader.take().lines, reader.take().losses) == ((), ())

    world.put(b"one\n")
    assert reader.take().lines == (b"one",)


def test_a_take_brings_so_many_bytes_at_most_and_the_next_one_goes_on(world: World) -> None:
    world.put(b"12345\n12345\n12345\n1\n")
    reader = world.reader()

    assert [reader.take(13).lines for _ in range(3)] == [(b"12345", b"12345"), (b"12345", b"1"), ()]


def test_the_next_process_goes_on_where_the_last_one_stood(world: World) -> None:
    world.put(b"one\ntwo\nthree\n")
    first = world.reader()
    stood = first.take(4).position
    first.take()
    first.close()

    assert taken(world.reader(restarted(stood))) == [b"two", b"three"]


def test_a_process_that_stood_at_the_end_is_given_what_is_new(world: World) -> None:
    world.put(b"one\n")
    stood = world.reader().take().position
    world.put(b"two\n")

    assert taken(world.reader(restarted(stood))) == [b"two"]


def test_a_line_that_does_not_go_into_a_take_is_told_as_lost_and_the_others_are_given(world: World) -> None:
    world.put(b"one\n" + b"x" * 100 + b"\ntwo\n")
    reader = world.reader()
    batches = [reader.take(20) for _ in range(4)]

    assert [line for batch in batches for line in batch.lines] == [b"one", b"two"]
    assert [loss for batch in batches for loss in batch.losses] == [Loss("too long", 1, 100)]
    assert taken(world.reader(restarted(batches[-1].position))) == []


def test_a_line_that_just_goes_into_a_take_is_given(world: World) -> None:
    world.put(b"x" * 19 + b"\n" + b"y" * 20 + b"\n")
    reader = world.reader()
    batches = [reader.take(20), reader.take(20)]

    assert batches[0].lines == (b"x" * 19,)
    assert [*batches[0].losses, *batches[1].losses] == [Loss("too long", 1, 20)]


@pytest.mark.parametrize("data", [b"", b"{}", b'{"file":"a","offset":-1}', b'{"file":1}', b"\xff\xfe", b'{"file":"a"'])
def test_what_is_no_position_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a position in a log"):
        Position.decode(data)


# -- files -----------------------------------------------------------------------------------------------------------


def test_half_a_line_is_no_line_until_it_is_ended(files: Files) -> None:
    files.put(b"one\ntw")
    reader = files.reader()
    batch = reader.take()
    assert batch.lines == (b"one",)
    assert reader.take().lines == ()
    assert files.reader(restarted(batch.position)).take().lines == ()

    files.put(b"o\n")
    assert reader.take().lines == (b"two",)


def test_after_a_rotation_the_old_file_is_read_to_its_end_and_then_the_new_one(files: Files) -> None:
    files.put(b"one\n")
    reader = files.reader()
    assert taken(reader) == [b"one"]
    files.put(b"two\n")
    rotate(files)
    files.put(b"three\n")

    assert taken(reader) == [b"two", b"three"]


def test_who_goes_on_writing_to_the_old_file_is_heard_until_the_new_one_has_something(files: Files) -> None:
    files.put(b"one\n")
    reader = files.reader()
    assert taken(reader) == [b"one"]
    rotate(files)
    files.put(b"")
    assert taken(reader) == []
    files.rename("log", "new")
    files.rename("log.1", "log")
    files.put(b"two\n")
    files.rename("log", "log.1")
    files.rename("new", "log")
    assert taken(reader) == [b"two"]

    files.put(b"three\n")
    assert taken(reader) == [b"three"]


def test_between_two_takes_a_log_can_be_rotated_several_times(files: Files) -> None:
    files.put(b"one\n")
    reader = files.reader()
    assert taken(reader) == [b"one"]
    for number in range(3):
        files.put(f"more {number}\n".encode())
        rotate(files)
    rotate(files)  # with nothing in it
    files.put(b"last\n")

    assert taken(reader) == [b"more 0", b"more 1", b"more 2", b"last"]


def test_in_the_middle_of_a_rotation_nothing_is_lost(files: Files) -> None:
    files.put(b"one\n")
    rotate(files)
    files.put(b"two\n")
    reader = files.reader()
    assert reader.take(4).lines == (b"one",)

    files.rename("log.1", "log.2")
    assert taken(reader) == [b"two"]
    files.rename("log", "log.1")
    assert taken(reader) == []
    files.put(b"three\n")
    assert taken(reader) == [b"three"]


def test_a_file_is_found_by_its_identity_after_a_rotation_that_nobody_watched(files: Files) -> None:
    files.put(b"one\ntwo\n")
    stood = files.reader().take(4).position
    for name in (b"three\n", b"four\n"):
        rotate(files)
        files.put(name)

    assert taken(files.reader(restarted(stood))) == [b"two", b"three", b"four"]


def test_a_new_reader_begins_with_the_oldest_file(files: Files) -> None:
    for line in (b"one\n", b"two\n", b"three\n"):
        rotate(files)
        files.put(line)

    assert taken(files.reader()) == [b"one", b"two", b"three"]


def test_a_log_whose_new_file_is_not_there_yet_is_waited_for(files: Files) -> None:
    files.put(b"one\n")
    stood = files.reader().take().position
    files.rename("log", "elsewhere")
    reader = files.reader(restarted(stood))
    assert reader.take().losses == ()

    files.rename("elsewhere", "log")
    files.put(b"two\n")
    assert taken(reader) == [b"two"]


# -- what is lost ----------------------------------------------------------------------------------------------------


def test_a_line_that_its_writer_left_unfinished_is_told_as_lost(files: Files) -> None:
    files.put(b"one\nhalf")
    reader = files.reader()
    assert taken(reader) == [b"one"]
    rotate(files)
    assert taken(reader) == []
    files.put(b"two\n")

    batch = reader.take()
    assert (batch.lines, batch.losses) == ((b"two",), (Loss("unfinished", 1, 4),))


def test_a_file_that_is_gone_while_it_is_read_is_read_to_its_end(files: Files) -> None:
    files.put(b"one\ntwo\nthree\n")
    reader = files.reader()
    assert reader.take(4).lines == (b"one",)
    files.put(b"four\n")
    files.remove("log")
    files.put(b"five\n")

    batch = reader.take()
    assert (batch.lines, batch.losses) == ((b"two", b"three", b"four"), ())
    batch = reader.take()
    assert (batch.lines, batch.losses) == ((b"five",), (Loss("gone"),))  # was there another in between?


def test_a_file_that_went_while_nobody_read_it_is_told_as_lost(files: Files) -> None:
    files.put(b"one\ntwo\n")
    stood = files.reader().take(4).position
    for line in (b"three\n", b"four\n", b"five\n"):
        rotate(files, keep=2)
        files.put(line)

    batch = files.reader(restarted(stood)).take()
    assert (batch.lines, batch.losses) == ((b"three",), (Loss("gone"),))


@pytest.mark.parametrize("now", [b"", b"new\n", b"new one\n", b"something that is quite a bit longer\n"])
def test_a_file_that_was_cut_off_is_told_and_read_from_its_beginning(files: Files, now: bytes) -> None:
    files.put(b"one\ntwo\n")
    reader = files.reader()
    stood = reader.take().position
    files.write_over(now)

    batch = reader.take()
    assert (batch.lines, batch.losses) == (tuple(now.splitlines()), (Loss("truncated"),))
    assert reader.take().losses == ()
    assert files.reader(restarted(stood)).take().losses == (Loss("gone"),)


def test_a_file_with_the_same_beginning_in_which_we_would_stand_within_a_line_is_another(files: Files) -> None:
    files.put(b"x" * 300 + b"\ntwo\n")
    reader = files.reader()
    taken(reader)
    files.write_over(b"x" * 300 + b"\ntwelve\n")

    assert reader.take().losses == (Loss("truncated"),)


def test_a_position_in_another_log_is_told_as_gone(world: World) -> None:
    world.put(b"one\n")
    here = world.reader().take().position
    assert here is not None

    for elsewhere in (Position("elsewhere", here.offset, here.head), Position(here.file, 3000, here.head)):
        batch = world.reader(elsewhere).take()
        assert (batch.lines, batch.losses) == ((b"one",), (Loss("gone"),))


def test_a_kernel_that_dropped_its_oldest_lines_says_how_many() -> None:
    kernel = Kernel(limit_lines=3)
    kernel.put(b"one\n")
    reader = kernel.reader()
    assert taken(reader) == [b"one"]
    kernel.put(b"two\nthree\nfour\nfive\nsix\n")

    batch = reader.take()
    assert (batch.lines, batch.losses) == ((b"four", b"five", b"six"), (Loss("overrun", 2),))
    assert reader.take().losses == ()
    assert kernel.reader().take().lines == (b"four", b"five", b"six")


# -- what is no log --------------------------------------------------------------------------------------------------


def test_a_symlink_in_place_of_the_log_is_not_followed(files: Files) -> None:
    files.put(b"secret\n")
    files.rename("log", "secret")
    files.link("log", "secret")

    with pytest.raises(DiskError) as refusal:
        files.reader().take()
    assert refusal.value.reason == "ELOOP"


def test_a_directory_in_place_of_the_log_is_refused(files: Files) -> None:
    files.make_directory("log")

    with pytest.raises(DiskError) as refusal:
        files.reader().take()
    assert refusal.value.reason == "EISDIR"


def test_what_is_no_file_in_place_of_an_older_one_is_passed_over(files: Files) -> None:
    files.put(b"one\n")
    rotate(files)
    rotate(files)
    files.link("log.1", "/etc/passwd")
    files.make_directory("log.3")
    files.put(b"two\n")

    assert taken(files.reader()) == [b"one", b"two"]


def test_a_log_that_could_not_be_read_is_read_on_when_it_can(files: Files) -> None:
    files.put(b"one\n")
    reader = files.reader()
    taken(reader)
    files.put(b"two\n")
    files.rename("log", "elsewhere")
    files.link("log", "elsewhere")
    with pytest.raises(DiskError):
        reader.take()
    files.remove("log")
    files.rename("elsewhere", "log")

    assert taken(reader) == [b"two"]


# -- all of it -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_done_to_a_log_each_line_is_given_once(files: Files, seed: int) -> None:
    luck = random.Random(seed)
    written = bytearray()
    given: list[bytes] = []
    reader, position, stored = files.reader(), None, b""
    for number in range(300):
        match luck.choice(["write", "write", "write", "rotate", "take", "take", "restart"]):
            case "write":
                stored += f"line {number} {'x' * luck.randrange(60)}\n".encode()
                cut = luck.randrange(len(stored) + 1)
                files.put(stored[:cut])
                written += stored[:cut]
                stored = stored[cut:]
            case "rotate" if written.endswith(b"\n"):
                rotate(files, keep=200)
            case "take":
                batch = reader.take(luck.choice([80, 100, 1000]))
                given += batch.lines
                position = batch.position
                assert batch.losses == ()
            case "restart":
                reader.close()
                reader = files.reader(restarted(position))
    given += taken(reader)

    assert given == bytes(written).split(b"\n")[:-1]
