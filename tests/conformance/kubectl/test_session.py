"""kubectl itself against the simulated cluster over HTTPS: it says what it said of a real one (`said.json`)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hack.cluster_node import CACHE
from tests.conformance.cluster.worlds import need_a_real_cluster
from tests.conformance.kubectl.compare import differences, recorded, session

RECORDED_WITH = "v1.36"  # other releases have other words
KUBECTL = os.environ.get("KUBECTL") or shutil.which("kubectl", path=str(CACHE)) or shutil.which("kubectl") or ""
START_S_MAX = 30
WITH_KUBECTL = pytest.mark.skipif(not KUBECTL, reason="no kubectl here: put it on the PATH, or name it in KUBECTL")


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A simulated cluster with two nodes, served."""
    path = tmp_path_factory.mktemp("kubectl") / "config"
    command = [sys.executable, "-m", "spo.cli.main", "sim", "serve", "--nodes", "2", "--kubeconfig", str(path)]
    served = subprocess.Popen([*command, "--speed", "real"], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_S_MAX
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        yield path
    finally:
        served.terminate()
        served.wait()


def test_the_recording_is_of_this_session() -> None:
    assert len(recorded()) == len(session()) > 100


@WITH_KUBECTL
def test_kubectl_says_of_the_simulator_what_it_said_of_a_real_cluster(kubeconfig: Path) -> None:
    assert list(differences(KUBECTL, str(kubeconfig), texts=is_as_recorded())) == []


@WITH_KUBECTL
def test_kubectl_says_the_same_again_of_a_real_cluster() -> None:
    need_a_real_cluster()

    assert list(differences(KUBECTL, os.environ["KUBECONFIG"], texts=is_as_recorded())) == []


def is_as_recorded() -> bool:
    """Is it of the release whose words were recorded?"""
    said = subprocess.run([KUBECTL, "version", "--client"], capture_output=True, text=True, check=True).stdout
    return RECORDED_WITH in said
