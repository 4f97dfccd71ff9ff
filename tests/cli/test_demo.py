"""`spo demo`: every step comes true, and the story shows it."""

from __future__ import annotations

import re

import pytest

from spo.cli.demo import LIST, steps
from spo.cli.main import main


def test_the_demo_plays_to_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo"]) == 0
    text = capsys.readouterr().out
    assert "\033" not in text
    for step in steps("security-profiles-operator"):
        assert step.title in text
        assert f"$ {step.command}" in text
    for shown in (
        "deleted SeccompProfile demo/mounter",  # A4
        "in use on node-",  # A5
        "SeccompProfile demo/worker → Error",  # A3
        "ProfileNotAllowed: not on the list of allowed syscalls",
        "cannot start pod demo/worker · CreateContainerError",  # J5
        "SeccompProfile demo/worker → Installed",  # A6
        "started pod demo/worker",
    ):
        assert shown in text
    assert re.search(r"history [0-9a-f]{64}\n$", text)


def test_the_demo_uses_the_documentations_own_command() -> None:
    (patch,) = [step.command for step in steps("$NS") if "exit_group" in step.command]
    documented = (
        "-n $NS patch spod spod --type merge "
        """-p '{"spec":{"allowedSyscalls": ["exit", "exit_group", "futex", "nanosleep"]}}'"""
    )
    assert patch.replace(" ", "") == ("kubectl" + documented).replace(" ", "")
    assert LIST == ["exit", "exit_group", "futex", "nanosleep"]


def test_a_step_that_does_not_come_true_ends_the_demo(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spo.cli.demo.PATIENCE_S", 0.0)
    assert main(["demo"]) == 1
    assert "did not come true" in capsys.readouterr().err
