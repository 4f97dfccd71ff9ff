"""The documentation's blocks: a shell runs them as they stand, and the simulated world reads them the same way."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenarios.driver import Refused
from scenarios.shell_blocks import by_shell
from scenarios.sim_driver import SimDriver

PATCH = """
oc -n $NS patch spod spod --type merge -p '{"spec":{"allowedSyscalls": [
    "exit"]}}'
"""


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One that writes down what it is asked, and refuses what it is told to."""
    said = tmp_path / "said"
    program = tmp_path / "kubectl"
    program.write_text(
        f'#!/bin/sh\nprintf "%s|" "$@" >>{said}\ncat >>{said}\n[ "$1" != refuse ] || {{ echo no >&2; exit 1; }}\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return said


def test_a_shell_gets_the_block_word_for_word_with_kubectl_for_oc(kubectl: Path) -> None:
    assert by_shell(PATCH, "operators", "kind: Pod") == ""

    words = kubectl.read_text().split("|")
    assert words[:7] == ["-n", "operators", "patch", "spod", "spod", "--type", "merge"]
    assert words[8:] == ['{"spec":{"allowedSyscalls": [\n    "exit"]}}', "kind: Pod"]


def test_what_kubectl_complains_of_is_passed_on(kubectl: Path) -> None:
    assert by_shell("oc refuse", "operators", "") == "no\n"


def test_without_a_shell_the_same_block_does_the_same() -> None:
    driver = SimDriver(seed=0, nodes=1)

    driver.types(PATCH, "")

    spod = driver.get("SecurityProfilesOperatorDaemon", driver.operator_namespace, "spod")
    assert spod is not None and spod["spec"]["allowedSyscalls"] == ["exit"]
    with pytest.raises(Refused, match="enableLogEnricher"):
        driver.types("""oc -n $NS patch spod spod --type=merge -p '{"spec":{"enableLogEnricher":"yes"}}'""", "")
