"""`make clients`: what it tries is locked."""

from __future__ import annotations

import re

from hack.clients import LOCK, MODULE, go_program


def test_each_client_that_is_tried_stands_in_the_lock_file() -> None:
    wanted = [line for line in LOCK.with_suffix(".in").read_text().splitlines() if line and line[0] != "#"]
    locked = re.findall(r"^([\w-]+)==", LOCK.read_text(), re.MULTILINE)

    assert {re.sub(r"[-_.]+", "-", name).lower() for name in wanted} <= set(locked)


def test_the_go_clients_are_built_again_when_their_sources_change() -> None:
    assert {path.suffix for path in MODULE.iterdir()} == {".go", ".mod", ".sum"}
    assert len(go_program().parent.name) == 12
