"""`spo demo`: every step comes true, and the story shows it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from spo.cli.main import main
from spo.testbed.demo import steps

ROOT = Path(__file__).parents[2]


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
    documented = (
        "kubectl -n $NS patch spod spod --type merge "
        """-p '{"spec":{"allowedSyscalls": ["exit", "exit_group", "futex", "nanosleep"]}}'"""
    )
    assert documented in [step.command for step in steps("$NS")]


def test_a_step_that_does_not_come_true_ends_the_demo(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spo.testbed.demo.PATIENCE_S", 0.0)
    assert main(["demo"]) == 1
    assert "did not come true" in capsys.readouterr().err


def test_the_readme_shows_what_the_demo_says(capsys: pytest.CaptureFixture[str]) -> None:
    main(["demo"])
    said = set(capsys.readouterr().out.split("\n"))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"^ {2,3}[\dm.]+ ?s  [✓✗▸ ] .*$", readme, re.MULTILINE)  # times and all: same seed, same story
    assert len(shown) > 15
    assert set(shown) <= said
