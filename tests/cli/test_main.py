"""`spo` says what it can do, quickly, and its exit codes mean what they say."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from spo.cli.main import BAD_INPUT, COMMANDS, OK, main


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
