"""Servers in the background: found again, told from a stranger with the same number, and stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from hack.processes import Processes


@pytest.fixture
def servers(tmp_path: Path) -> Processes:
    return Processes(tmp_path)


def test_a_server_runs_until_it_is_stopped(servers: Processes) -> None:
    servers.start("sleeper", "sleep", "60")
    assert servers.alive("sleeper")
    assert servers.names() == ["sleeper"]

    servers.stop("sleeper")

    assert not servers.alive("sleeper")
    assert servers.names() == []


def test_another_process_with_its_number_is_left_alone(servers: Processes) -> None:
    pid = servers.start("mine", "sleep", "60")
    (servers.state / "stranger.pid").write_text(f"{pid} 1")  # the number is taken by one that was born later

    assert not servers.alive("stranger")
    servers.stop("stranger")

    assert servers.alive("mine")
    servers.stop("mine")


def test_a_server_that_does_not_come_up_shows_the_end_of_its_log(servers: Processes) -> None:
    servers.start("broken", "sh", "-c", "echo no such luck; exit 1")

    with pytest.raises(SystemExit, match=r"(?s)the door did not come up in 1 s.*no such luck"):
        servers.wait("the door", lambda: False, 1, "broken")
    servers.stop("broken")
