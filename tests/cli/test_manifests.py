from __future__ import annotations

import argparse
from pathlib import Path

import pytest
import yaml

from spo.cli import crds, manifests


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    crds.configure(parser)
    return crds.run(parser.parse_args(arguments))


def run_deploy(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    manifests.configure(parser)
    return manifests.run(parser.parse_args(arguments))


def test_definitions_are_written_one_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(tmp_path / "new")) == 0
    files = sorted((tmp_path / "new").iterdir())
    assert [yaml.safe_load(file.read_text())["kind"] for file in files] == ["CustomResourceDefinition"] * 3
    assert capsys.readouterr().out.split() == [str(file) for file in files]


def test_what_was_written_passes_the_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(str(tmp_path))
    capsys.readouterr()
    assert run("--check", str(tmp_path)) == 0
    assert capsys.readouterr().out == ""


def test_each_difference_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(str(tmp_path))
    capsys.readouterr()
    (tmp_path / "seccompprofiles.yaml").unlink()
    (tmp_path / "securityprofilenodestatuses.yaml").write_text("kind: Other\n")
    (tmp_path / "stray.yaml").write_text("kind: Other\n")
    assert run("--check", str(tmp_path)) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{tmp_path}/seccompprofiles.yaml: missing",
        f"{tmp_path}/securityprofilenodestatuses.yaml: differs",
        f"{tmp_path}/stray.yaml: not one of ours",
    ]


def test_a_directory_that_is_not_there_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--check", str(tmp_path / "none")) == 2
    assert f"{tmp_path}/none: no such directory" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert run(str(tmp_path / "file")) == 2
    assert "give a directory that can be written" in capsys.readouterr().err


def test_the_installation_is_printed_for_any_namespace(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_deploy("--namespace", "openshift-security-profiles") == 0
    printed = list(yaml.safe_load_all(capsys.readouterr().out))
    assert printed[0]["metadata"]["name"] == "openshift-security-profiles"
    assert printed[-1]["kind"] == "SeccompProfile"


def test_a_written_installation_passes_the_check(tmp_path: Path) -> None:
    assert run_deploy("--into", str(tmp_path)) == 0
    assert run_deploy("--into", str(tmp_path), "--check") == 0
    assert run_deploy("--into", str(tmp_path), "--check", "--namespace", "other") == 1


def test_a_check_without_a_directory_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_deploy("--check") == 2
    assert "--into" in capsys.readouterr().err
