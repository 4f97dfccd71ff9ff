"""Tests of clients: each runs if its client is there, against a cluster that our pytest plug-in serves."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _own_kubeconfig_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No client may find the kubeconfig of whoever runs the tests, or leave anything in that home."""
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
