from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from spo.installation import packaged

ROOT = Path(__file__).parent.parent.parent


def test_what_others_need_comes_first() -> None:
    kinds = [each["kind"] for each in packaged.manifests()]

    assert kinds[:2] == ["Namespace", "CustomResourceDefinition"]
    assert kinds.index("ServiceAccount") < kinds.index("Deployment")
    assert kinds.count("Deployment") == 1


def test_an_installation_without_manifests_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packaged, "DIRECTORY", tmp_path)

    with pytest.raises(FileNotFoundError, match="install it again"):
        packaged.manifests()


def test_a_wheel_carries_every_manifest_and_table(tmp_path: Path) -> None:
    """Built from a copy, so that nothing is left in the checkout."""
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("spo", "deploy"):
        shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for file in (*ROOT.glob("*.toml"), *ROOT.glob("LICENSE"), *ROOT.glob("*.md")):
        shutil.copy(file, copy)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", tmp_path, copy]
    subprocess.run(build, check=True, capture_output=True)

    packed = set(zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist())
    data = {".yaml", ".json", ".txt", ".py"}
    code = {str(path.relative_to(ROOT)) for path in (ROOT / "spo").rglob("*") if path.suffix in data}
    manifests = {f"spo/{path.relative_to(ROOT)}" for path in (ROOT / "deploy").rglob("*.yaml")}

    assert (code | manifests) - packed == set()
    assert manifests
