"""Programs built from Go modules, once: what is there already is not built again."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from hack.packages import say

STRIPPED = "-s -w"


def kubernetes_flags(version: str) -> str:
    """The linker's flags that tell Kubernetes' programs which version they are."""
    major, minor, _ = version.split(".")
    told = {"gitVersion": f"v{version}", "gitMajor": major, "gitMinor": minor}
    return " ".join([STRIPPED, *(f"-X k8s.io/component-base/version.{name}={value}" for name, value in told.items())])


def build(module: Path, package: str, program: Path, flags: str = STRIPPED) -> None:
    """Build a package that the module in this directory requires, as a static program; nothing if it is there."""
    _once(
        program,
        ["go", "build", "-C", str(module), "-trimpath", "-ldflags", flags, "-o", "{}", package],
        "-mod=readonly",
    )


def build_tests(module: Path, program: Path) -> None:
    """Build the tests of the module in this directory as one program; nothing if it is there."""
    _once(
        program,
        ["go", "test", "-C", str(module), "-c", "-trimpath", "-ldflags", STRIPPED, "-o", "{}", "."],
        "-mod=readonly",
    )


def install(package_at_version: str, program: Path) -> None:
    """Build a package out of the main module that it belongs to, at a version; nothing if it is there."""
    _once(program, ["go", "install", "-trimpath", "-ldflags", STRIPPED, package_at_version], "")


def _once(program: Path, command: list[str], flags: str) -> None:
    if program.exists():
        return
    if shutil.which("go") is None:
        raise SystemExit("there is no Go here to build with: https://go.dev/dl, 1.26 or newer")
    say(f"building {program.name} …")
    started = time.monotonic()
    with tempfile.TemporaryDirectory(dir=program.parent) as scratch:
        settings = {"GOFLAGS": f"{flags} -buildvcs=false".strip(), "CGO_ENABLED": "0", "GOBIN": scratch}
        words = [word.format(f"{scratch}/{program.name}") for word in command]
        subprocess.run(words, check=True, env={**os.environ, **settings}, cwd=scratch)
        os.rename(f"{scratch}/{program.name}", program)
    say(f"built {program.name} in {time.monotonic() - started:.0f} s")
