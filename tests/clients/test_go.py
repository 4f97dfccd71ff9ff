"""client-go and controller-runtime: the stories of hack/go-clients, built by `make clients`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

PROGRAM = os.environ.get("SPO_GO_CLIENTS", "")

pytestmark = pytest.mark.skipif(not PROGRAM, reason="SPO_GO_CLIENTS names no program; make clients builds it")

STORIES = (
    "apply-configurations",
    "controller-runtime",
    "dynamic",
    "informers",
    "leader-election",
    "logs",
    "protobuf",
    "typed",
)


@pytest.mark.spo(speed="real")
def test_each_story_goes_as_on_a_real_cluster(spo_kubeconfig: Path) -> None:
    environment = {"KUBECONFIG": str(spo_kubeconfig)}

    said = subprocess.run([PROGRAM], env=environment, capture_output=True, text=True, timeout=300)

    assert said.stdout.splitlines() == [f"{story}: ok" for story in STORIES], said.stderr[-2000:]
