"""What a profile directory promises, on every disk: simulated, a directory, a fake file system, a small real one."""

from __future__ import annotations

from hashlib import sha256

import pytest

from spo.doors.ports import DiskError
from spo.events import FileSeen, Listed
from spo.intents import RemoveFile, WriteFile
from tests.conformance.disk.worlds import World

NGINX = "default/nginx.json"
BIG = bytes(64 * 4096)  # more than the small file system holds

can_be_filled_up = pytest.mark.parametrize("world", ["simulated", "fake", "small"], indirect=True)
can_be_made_read_only = pytest.mark.parametrize("world", ["simulated", "small"], indirect=True)
knows_the_longest_name = pytest.mark.parametrize("world", ["simulated", "directory", "small"], indirect=True)


def seen(path: str, data: bytes | None) -> FileSeen:
    return FileSeen(path, None if data is None else sha256(data).hexdigest())


def test_an_empty_directory_is_known_to_be_empty(world: World) -> None:
    assert list(world.door().take()) == [Listed(FileSeen)]


def test_a_starting_process_hears_of_every_file_then_that_these_are_all(world: World) -> None:
    world.put("b/two.json", b"2")
    world.put("a/one.json", b"1")
    world.put("zero.json", b"")

    assert list(world.door().take()) == [
        seen("a/one.json", b"1"),
        seen("b/two.json", b"2"),
        seen("zero.json", b""),
        Listed(FileSeen),
    ]


def test_the_first_list_comes_once(world: World) -> None:
    door = world.door()
    list(door.take())
    world.pass_time(3600)

    assert list(door.take()) == []


def test_what_is_written_stands_there_and_comes_back_as_an_event(world: World) -> None:
    door = world.door()
    list(door.take())

    door.carry_out(WriteFile(NGINX, b"{}"))

    assert world.read(NGINX) == b"{}"
    assert list(door.take()) == [seen(NGINX, b"{}")]
    assert list(door.take()) == []


def test_a_file_that_is_written_before_the_first_look_is_told(world: World) -> None:
    door = world.door()
    door.carry_out(WriteFile(NGINX, b"{}"))

    assert list(door.take()) == [seen(NGINX, b"{}"), Listed(FileSeen)]


def test_a_later_write_replaces_an_earlier_one(world: World) -> None:
    door = world.door()
    door.carry_out(WriteFile(NGINX, b"a long first text"))
    door.carry_out(WriteFile(NGINX, b"short"))

    assert world.read(NGINX) == b"short"
    assert world.names() == [NGINX]
    assert list(door.take())[-2] == seen(NGINX, b"short")


def test_writing_the_same_again_is_told_again(world: World) -> None:
    door = world.door()
    door.carry_out(WriteFile(NGINX, b"{}"))
    list(door.take())

    door.carry_out(WriteFile(NGINX, b"{}"))

    assert list(door.take()) == [seen(NGINX, b"{}")]


def test_an_empty_file_and_a_large_one_arrive_whole(world: World) -> None:
    door = world.door()
    for data in (b"", bytes(range(256)) * 100):
        door.carry_out(WriteFile(NGINX, data))
        assert world.read(NGINX) == data


def test_what_is_removed_is_gone_and_comes_back_as_an_event(world: World) -> None:
    door = world.door()
    door.carry_out(WriteFile(NGINX, b"{}"))
    list(door.take())

    door.carry_out(RemoveFile(NGINX))

    assert world.names() == []
    assert list(door.take()) == [seen(NGINX, None)]


@pytest.mark.parametrize("path", [NGINX, "no/such/directory/x.json", "x.json"])
def test_removing_what_is_not_there_succeeds_and_says_so(world: World, path: str) -> None:
    door = world.door()
    list(door.take())

    door.carry_out(RemoveFile(path))

    assert list(door.take()) == [seen(path, None)]


def test_a_removal_touches_nothing_beside_it(world: World) -> None:
    door = world.door()
    for path in ("a/x.json", "a/y.json", "b/x.json", "x.json"):
        door.carry_out(WriteFile(path, b"{}"))

    door.carry_out(RemoveFile("a/x.json"))
    door.carry_out(RemoveFile("x.json"))

    assert world.names() == ["a/y.json", "b/x.json"]


def test_a_namespace_can_come_back_after_its_last_profile_went(world: World) -> None:
    door = world.door()
    door.carry_out(WriteFile(NGINX, b"1"))
    door.carry_out(RemoveFile(NGINX))
    door.carry_out(WriteFile(NGINX, b"2"))

    assert world.read(NGINX) == b"2"


# -- what others do --------------------------------------------------------------------------------------------------


def test_a_change_by_someone_else_is_found_within_ten_seconds(world: World) -> None:
    door = world.door()
    door.carry_out(WriteFile(NGINX, b"ours"))
    list(door.take())

    world.put(NGINX, b"evil")
    world.put("other/new.json", b"new")

    assert list(door.take()) == []
    world.pass_time(8.5)
    assert list(door.take()) == []
    world.pass_time(1)
    assert list(door.take()) == [seen(NGINX, b"evil"), seen("other/new.json", b"new")]
    assert list(door.take()) == []


def test_a_removal_by_someone_else_is_found(world: World) -> None:
    world.put(NGINX, b"{}")
    door = world.door()
    list(door.take())

    world.drop(NGINX)
    world.pass_time(10)

    assert list(door.take()) == [seen(NGINX, None)]


def test_a_change_that_was_undone_before_the_next_look_is_not_told(world: World) -> None:
    world.put(NGINX, b"{}")
    door = world.door()
    list(door.take())

    world.put(NGINX, b"evil")
    world.put(NGINX, b"{}")
    world.pass_time(10)

    assert list(door.take()) == []


def test_a_second_process_takes_over_what_the_first_left(world: World) -> None:
    first = world.door()
    first.carry_out(WriteFile(NGINX, b"{}"))

    assert list(world.door().take()) == [seen(NGINX, b"{}"), Listed(FileSeen)]


@pytest.mark.parametrize("path", ["README.txt", "default/nginx.json.bak", "default/.hidden.json", ".git/x.json"])
def test_files_that_are_not_profiles_are_left_alone_and_not_told(world: World, path: str) -> None:
    world.put(path, b"not ours")
    door = world.door()
    assert list(door.take()) == [Listed(FileSeen)]
    world.put(path, b"still not ours")
    world.pass_time(10)

    assert list(door.take()) == []
    assert world.read(path) == b"still not ours"


# -- never outside ---------------------------------------------------------------------------------------------------

OUTSIDE = [
    "../x.json",
    "a/../../x.json",
    "a/../x.json",
    "/etc/x.json",
    "./x.json",
    "a//x.json",
    "",
    ".",
    "..",
    "a/",
    "a/.json",
    "a/x\0.json",
    "a\n/x.json",
    "a/x.txt",
    "a/.x.json",
]


@pytest.mark.parametrize("path", OUTSIDE)
def test_a_path_that_could_leave_the_directory_is_refused(world: World, path: str) -> None:
    door = world.door()
    list(door.take())
    for intent in (WriteFile(path, b"{}"), RemoveFile(path)):
        with pytest.raises(DiskError, match="not the path of a profile") as refusal:
            door.carry_out(intent)
        assert refusal.value.reason == "EINVAL"

    assert world.names() == []
    assert list(door.take()) == []


def test_a_symlinked_directory_is_never_followed(world: World) -> None:
    world.put("elsewhere/x.json", b"theirs")
    world.link("default", "elsewhere")
    door = world.door()

    for intent in (WriteFile("default/x.json", b"{}"), RemoveFile("default/x.json")):
        with pytest.raises(DiskError) as refusal:
            door.carry_out(intent)
        assert refusal.value.reason == "ELOOP"

    assert list(door.take()) == [seen("elsewhere/x.json", b"theirs"), Listed(FileSeen)]
    assert world.read("elsewhere/x.json") == b"theirs"


def test_a_symlink_in_place_of_a_profile_is_not_written_through_but_can_be_removed(world: World) -> None:
    world.put("elsewhere/x.json", b"theirs")
    world.link(NGINX, "../elsewhere/x.json")
    door = world.door()
    assert list(door.take()) == [seen("elsewhere/x.json", b"theirs"), Listed(FileSeen)]

    with pytest.raises(DiskError) as refusal:
        door.carry_out(WriteFile(NGINX, b"{}"))
    assert refusal.value.reason == "ELOOP"
    door.carry_out(RemoveFile(NGINX))
    door.carry_out(WriteFile(NGINX, b"{}"))

    assert world.read(NGINX) == b"{}"
    assert world.read("elsewhere/x.json") == b"theirs"


def test_a_profile_that_was_turned_into_a_symlink_is_told_as_absent(world: World) -> None:
    door = world.door()
    door.carry_out(WriteFile(NGINX, b"{}"))
    list(door.take())

    world.link(NGINX, "/etc/passwd")
    world.pass_time(10)

    assert list(door.take()) == [seen(NGINX, None)]


# -- a disk that says no ---------------------------------------------------------------------------------------------


@can_be_filled_up
def test_a_full_disk_leaves_the_old_file_whole_and_nothing_else(world: World) -> None:
    door = world.door()
    door.carry_out(WriteFile(NGINX, b"old"))
    list(door.take())
    world.fill_up()

    with pytest.raises(DiskError, match=r"[Nn]o space left") as refusal:
        door.carry_out(WriteFile(NGINX, BIG))

    assert refusal.value.reason == "ENOSPC"
    assert world.names() == [NGINX]
    assert world.read(NGINX) == b"old"
    world.pass_time(10)
    assert list(door.take()) == []


@can_be_filled_up
def test_a_disk_that_was_healed_is_written_to_again(world: World) -> None:
    door = world.door()
    world.fill_up()
    with pytest.raises(DiskError):
        door.carry_out(WriteFile(NGINX, BIG))
    world.heal()

    door.carry_out(WriteFile(NGINX, b"new"))

    assert world.read(NGINX) == b"new"


@can_be_made_read_only
def test_a_read_only_disk_refuses_both_and_is_still_read(world: World) -> None:
    world.put(NGINX, b"old")
    world.make_read_only()
    door = world.door()

    assert list(door.take()) == [seen(NGINX, b"old"), Listed(FileSeen)]
    for intent in (WriteFile(NGINX, b"new"), RemoveFile(NGINX)):
        with pytest.raises(DiskError, match=r"[Rr]ead-only") as refusal:
            door.carry_out(intent)
        assert refusal.value.reason == "EROFS"
    assert world.read(NGINX) == b"old"


def test_a_directory_where_the_profile_should_stand_is_an_error(world: World) -> None:
    world.make_directory(NGINX)
    door = world.door()

    for intent in (WriteFile(NGINX, b"{}"), RemoveFile(NGINX)):
        with pytest.raises(DiskError) as refusal:
            door.carry_out(intent)
        assert refusal.value.reason == "EISDIR"
    assert list(door.take()) == [Listed(FileSeen)]


def test_a_file_where_the_namespace_should_stand_is_an_error_of_writing_only(world: World) -> None:
    world.put("default", b"a file")
    door = world.door()

    with pytest.raises(DiskError) as refusal:
        door.carry_out(WriteFile(NGINX, b"{}"))
    assert refusal.value.reason == "ENOTDIR"
    door.carry_out(RemoveFile(NGINX))


@knows_the_longest_name
def test_a_name_that_the_disk_cannot_hold_is_refused(world: World) -> None:
    door = world.door()
    with pytest.raises(DiskError) as refusal:
        door.carry_out(WriteFile("default/" + "x" * 300 + ".json", b"{}"))

    assert refusal.value.reason == "ENAMETOOLONG"
    assert world.names() == []


def test_the_longest_name_that_a_disk_can_hold_is_written(world: World) -> None:
    path = "default/" + "x" * 250 + ".json"
    door = world.door()
    door.carry_out(WriteFile(path, b"{}"))

    assert world.names() == [path]
