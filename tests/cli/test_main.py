"""`spo` says what it can do, quickly, and its exit codes mean what they say."""

from __future__ import annotations

import argparse
import errno
import json
import os
import re
import subprocess
import sys
from typing import IO

import pytest

from spo.cli.main import COMMANDS, main
from spo.report.exit_codes import BAD_INPUT, FAILED, OK
from spo.testbed.world import NotUp


def exit_code(*arguments: str) -> int:
    try:
        return main(arguments)
    except SystemExit as exit_:
        return int(exit_.code or 0)


def test_help_names_every_command_and_gives_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("--help") == OK
    text = capsys.readouterr().out
    assert all(f"  {name} " in text for name in COMMANDS)
    assert "example:" in text


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_help_with_an_example_and_its_exit_codes(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(name, "--help") == OK
    text = capsys.readouterr().out
    assert f"usage: spo {name}" in text
    assert re.search(r"example:\n  .*\bspo ", text)
    assert "exit code:" in text


def test_no_command_shows_the_help_and_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code() == BAD_INPUT
    assert "usage: spo COMMAND" in capsys.readouterr().out


def test_an_unknown_command_and_an_unknown_option_are_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("tyr") == BAD_INPUT
    assert "choose from" in capsys.readouterr().err
    assert exit_code("version", "--what") == BAD_INPUT


def test_version_is_told_as_text_and_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("--version") == OK
    assert capsys.readouterr().out.startswith("spo ")
    assert exit_code("version", "-o", "json") == OK
    assert set(json.loads(capsys.readouterr().out)) == {"spo", "python", "msgspec"}


def test_help_loads_none_of_the_heavy_parts() -> None:
    probe = (
        "import sys; from spo.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = [m for m in ('yaml', 'spo.sim', 'spo.model', 'json', 'importlib.metadata') if m in sys.modules]\n"
        "sys.exit(', '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def spo(*arguments: str, stdout: int | IO[str] = subprocess.PIPE, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "spo.cli.main", *arguments]
    environment = {**os.environ, **variables}
    return subprocess.run(
        command, stdout=stdout, stderr=subprocess.PIPE, text=True, errors="replace", check=False, env=environment
    )


@pytest.mark.parametrize("arguments", [("version",), ("version", "-o", "json"), ("--help",), ("demo", "--help")])
def test_what_cannot_be_written_is_told_in_a_line(arguments: tuple[str, ...]) -> None:
    with open("/dev/full", "w") as full:
        done = spo(*arguments, stdout=full, PYTHONUNBUFFERED="")
    assert done.returncode == BAD_INPUT
    assert done.stderr == "spo: cannot write: No space left on device\n"


@pytest.mark.parametrize("arguments", ["version", "--help", "try -f nowhere"])
def test_a_standard_output_that_is_closed_is_told_in_a_line(arguments: str) -> None:
    closed = f"exec {sys.executable} -m spo.cli.main {arguments} >&-"
    done = subprocess.run(["sh", "-c", closed], stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (BAD_INPUT, "spo: cannot write: standard output is closed\n")


def test_an_error_of_another_kind_is_no_verdict_and_not_taken_for_one_of_writing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(arguments: argparse.Namespace) -> int:
        raise OSError(errno.ENOENT, "another kind")

    monkeypatch.setattr("spo.cli.version.run", fail)
    assert main(["version"]) == FAILED
    said = capsys.readouterr().err
    assert "another kind" in said
    assert said.endswith("spo: this is a bug of spo, and no answer to the question: please report it\n")


def test_a_terminal_that_lacks_our_marks_gets_the_rest() -> None:
    done = spo("sim", "--help", PYTHONIOENCODING="ascii"), spo("clean-up", "--help", PYTHONIOENCODING="ascii")
    assert [each.returncode for each in done] == [OK, OK]
    assert "KUBELET_DIR=? spo clean-up" in done[1].stdout


def test_a_command_that_cannot_go_on_says_why_in_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(arguments: argparse.Namespace) -> int:
        raise NotUp("no room")

    monkeypatch.setattr("spo.cli.demo.run", fail)
    assert exit_code("demo") == FAILED
    assert capsys.readouterr().err == "spo: no room\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--help",), "restrict the allowed syscalls, in a second"),
        (("try", "--help"), "from your first apply on"),
        (("try", "--help"), "at least so many, a dump's own counted"),
    ],
)
def test_help_says_how_it_is(arguments: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(*arguments) == OK
    assert told in " ".join(capsys.readouterr().out.split())
