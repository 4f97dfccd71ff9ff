"""`spo lay-profile`: what the init container of our own pods does, on a real disk."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from spo.cli.main import main
from spo.render.own_profile import DATA, FILE


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where it belongs."""
    monkeypatch.setenv("KUBELET_DIR", str(tmp_path))
    return tmp_path / "seccomp/operator" / FILE


def test_it_is_laid_with_the_directory_in_which_it_belongs(file: Path) -> None:
    assert main(["lay-profile"]) == 0
    assert file.read_bytes() == DATA
    assert file.stat().st_mode & 0o777 == 0o644
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("there", [b"", b"{}", DATA[:-1]])
def test_whatever_else_stands_there_is_replaced(file: Path, there: bytes) -> None:
    file.parent.mkdir(parents=True)
    file.write_bytes(there)
    assert main(["lay-profile"]) == 0
    assert file.read_bytes() == DATA


def test_what_stands_there_rightly_is_not_touched(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["lay-profile"])
    before = file.stat()
    assert main(["lay-profile"]) == 0
    assert file.stat() == before
    assert capsys.readouterr().out.splitlines()[1] == f"{file} stands there"


def test_the_files_of_profiles_are_left_alone(file: Path) -> None:
    other = file.parent / "default/p.json"
    other.parent.mkdir(parents=True)
    other.write_text("{}")
    main(["lay-profile"])
    assert other.read_text() == "{}"


def test_a_manifest_of_another_release_says_under_which_name(file: Path) -> None:
    assert main(["lay-profile", "--as=security-profiles-operator-00000000.json"]) == 0
    assert [each.name for each in file.parent.iterdir()] == ["security-profiles-operator-00000000.json"]


@pytest.mark.parametrize("name", ["../x.json", "default/x.json", "x", ".x.json", ""])
def test_a_name_that_is_none_is_refused(file: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lay-profile", f"--as={name}"]) == 2
    assert capsys.readouterr().err.startswith("spo lay-profile: ")
    assert not file.parent.exists()


def test_a_disk_that_refuses_is_told_in_a_line(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.parent.parent.mkdir()
    file.parent.write_text("a file in its place")
    assert main(["lay-profile"]) == 1
    assert str(file) in capsys.readouterr().err


def test_without_the_kubelets_directory_it_does_not_guess(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("KUBELET_DIR", raising=False)
    assert main(["lay-profile"]) == 2
    assert "KUBELET_DIR is not set" in capsys.readouterr().err


def test_it_loads_nothing_that_serves_or_connects() -> None:
    """It runs before every start of a pod of ours."""
    probe = (
        "import sys, spo.cli.main, spo.installation.lay_profile\n"
        "heavy = ('yaml', 'http', 'ssl', 'socket', 'pykube', 'spo.sim', 'spo.roles', 'spo.real.process')\n"
        "sys.exit(', '.join(name for name in heavy if name in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
