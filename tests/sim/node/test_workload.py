"""Workloads: what we take a command line to do."""

from __future__ import annotations

import pytest

from spo.sim.node.workload import UNKNOWN, Exit, Say, Wait, of_command, parse

SLEEP = "clock_nanosleep"


def behaviour(*command: str) -> list[object]:
    return [step for step in of_command(command).steps if isinstance(step, Wait | Say | Exit)]


@pytest.mark.parametrize(
    ("command", "does"),
    [
        (["true"], [Exit(0)]),
        (["/bin/false"], [Exit(1)]),
        (["sleep", "5"], [Wait(5.0, SLEEP), Exit(0)]),
        (["sleep", "infinity"], []),
        (["sh", "-c", "exit 3"], [Exit(3)]),
        (["sh", "-c", "echo 'hello you'; sleep 1"], [Say("hello you"), Wait(1.0, SLEEP), Exit(0)]),
        (["echo", "hello", "you"], [Say("hello you"), Exit(0)]),
        (["sh", "-c", "echo hidden >/file; echo $HOME; echo -n x"], [Exit(0)]),
        (["/bin/sh", "-c", "sleep 1 && exit 2"], [Wait(1.0, SLEEP), Exit(2)]),
        (["sh", "-c", "sleep 1; false"], [Wait(1.0, SLEEP), Exit(1)]),
        (["sh", "-c", "serve --for-ever; exit 3"], []),
        (["sh", "-c", 'echo "open quote'], []),
        (["mkdir", "/made"], [Exit(0)]),
        (["nginx"], []),
        ([], []),
    ],
)
def test_plain_commands_do_what_they_say_and_others_run_for_ever(command: list[str], does: list[object]) -> None:
    assert behaviour(*command) == does


def test_a_shell_does_not_listen_to_sigterm_but_a_server_does() -> None:
    assert of_command(["sleep", "5"]).stops_s is None
    assert of_command(["nginx"]).stops_s is not None


def test_a_program_we_do_not_know_is_not_ended_by_a_refusal() -> None:
    assert all(not step.needed for step in UNKNOWN.steps if hasattr(step, "needed"))


def test_an_annotation_describes_a_workload() -> None:
    found = parse('{"steps": [{"type": "wait", "seconds": 2}, {"type": "exit", "code": 4}], "comm": "job"}')

    assert (found.steps, found.comm) == ((Wait(2.0), Exit(4)), "job")


def test_a_wrong_annotation_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"simulation\.spo\.x-k8s\.io/workload: .*steps"):
        parse('{"steps": 3}')
