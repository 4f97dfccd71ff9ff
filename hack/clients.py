"""Other people's clients against the simulated cluster, as a stranger has them: `python -m hack.clients`.

Makes a virtual environment of its own (`build/clients`) from a lock file, installs the wheel made of this clone into
it, builds the Go clients from their modules where there is a Go, and runs tests/clients and the documentation's
examples. Words after the command go to pytest. Exit code: pytest's.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from hack import golang
from hack.packages import say

TOP = Path(__file__).resolve().parent.parent
HOME = TOP / "build" / "clients"
LOCK = TOP / "hack" / "clients-requirements.lock"
MODULE = TOP / "hack" / "go-clients"
TESTS = ("tests/clients", "tests/test_documented_examples.py")
PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check")


def go_program() -> Path:
    """Where the Go clients are, once they are built: one program for each state of their module."""
    files = sorted(path for path in MODULE.iterdir() if path.suffix in (".go", ".mod", ".sum"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]
    cache = Path(os.environ.get("SPO_CLIENTS_CACHE") or Path.home() / ".cache/spo-clients")
    return cache / digest / "clients"


def environment() -> Path:
    """The virtual environment's Python, with the clients in it, and this clone's wheel installed anew."""
    python = HOME / "venv" / "bin" / "python"
    stamp = HOME / "installed"
    if not stamp.exists() or stamp.read_bytes() != LOCK.read_bytes():
        say(f"making {HOME / 'venv'} …")
        venv.create(HOME / "venv", clear=True, with_pip=True)
        _run(python, *PIP, "install", "--require-hashes", "--no-deps", "-r", LOCK)
        stamp.write_bytes(LOCK.read_bytes())
    for old in HOME.glob("*.whl"):
        old.unlink()
    _run(sys.executable, *PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", HOME, TOP)
    (wheel,) = HOME.glob("*.whl")
    _run(python, *PIP, "install", "--no-deps", "--force-reinstall", wheel)
    return python


def main(arguments: list[str]) -> int:
    """Build what is missing, and run the tests."""
    python = environment()
    known = _clean()
    if shutil.which("go"):
        program = go_program()
        program.parent.mkdir(parents=True, exist_ok=True)
        golang.build(MODULE, ".", program)
        known["SPO_GO_CLIENTS"] = str(program)
    # What is tested is the wheel: only the tests' own helpers are found in the clone.
    settings = ("-o", "pythonpath=tests/support", "-p", "no:cacheprovider")
    return subprocess.run([python, "-m", "pytest", *settings, *TESTS, *arguments], cwd=TOP, env=known).returncode


def _run(*words: str | Path) -> None:
    subprocess.run([str(word) for word in words], check=True, env=_clean())


def _clean() -> dict[str, str]:
    """Without what would let one environment's Python see another's libraries."""
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
