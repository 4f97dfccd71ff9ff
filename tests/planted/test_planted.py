"""Tests of the tests: with a bug planted into a copy of the operator, the story that guards the promise fails.

A story that cannot fail guards nothing. Each bug runs in a process of its own, in a copy of `spo/` and `scenarios/`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.planted import bugs, bugs_of_daemons, bugs_of_foundations
from tests.planted.bug import Bug

ROOT = Path(__file__).parent.parent.parent
BUGS = (*bugs.BUGS, *bugs_of_daemons.BUGS, *bugs_of_foundations.BUGS)
PROMISES = """
    A1 A2 A3 A4 A5 A6 A7 A8 B0 B1 B2 B3 B4 B5 B6 D1 D2 D3 E1 E2 J0 J1 J2 J3 J4 J5 J9 J10 J11
""".split()
PASSED, FAILED = 0, 1  # pytest's exit codes; any other means that the story did not even run

CONFTEST = """
from pathlib import Path

import spo.loop

assert Path(spo.loop.__file__).is_relative_to(Path(__file__).parent), f"not the copy: {spo.loop.__file__}"
"""

pytestmark = pytest.mark.planted


class Copy:
    """The operator and its stories in a directory of their own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for part in ("spo", "scenarios"):
            shutil.copytree(ROOT / part, root / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", root)
        (root / "conftest.py").write_text(CONFTEST)

    def run(self, *stories: str, cached: bool = False) -> subprocess.CompletedProcess[str]:
        """Run stories; `cached`: leave the compiled modules behind, for the next runs."""
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=short"]
        # What a bug compiles to must not outlive it.
        writes = {"PYTHONDONTWRITEBYTECODE": "" if cached else "1"}
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        environment |= {"PYTHONPATH": str(self.root), "PYTHONHASHSEED": "0", **writes}
        return subprocess.run(
            [*command, *stories], cwd=self.root, env=environment, capture_output=True, text=True, timeout=300
        )

    @contextmanager
    def with_bug(self, bug: Bug) -> Iterator[None]:
        path = self.root / bug.file
        text, stat = path.read_text(encoding="utf-8"), path.stat()
        found = text.count(bug.old)
        assert found == 1, f"{bug.file} has {bug.old!r} {found} times, not once: plant {bug.name!r} anew"
        path.write_text(text.replace(bug.old, bug.new), encoding="utf-8")
        try:
            yield
        finally:
            path.write_text(text, encoding="utf-8")
            os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


@pytest.fixture(scope="session")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """A copy in which, as it is, all these stories pass."""
    made = Copy(tmp_path_factory.mktemp("planted"))
    stories = list(dict.fromkeys(bug.story for bug in BUGS))
    ran = made.run(*stories, cached=True)
    assert ran.returncode == PASSED, f"without any bug: {ran.stdout[-6000:]}{ran.stderr}"
    return made


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: f"{bug.guards}: {bug.name}")
def test_a_planted_bug_is_caught(copy: Copy, bug: Bug) -> None:
    with copy.with_bug(bug):
        ran = copy.run("-x", bug.story)

    told = f"{ran.stdout[-6000:]}{ran.stderr}"
    assert ran.returncode == FAILED, f"{bug.story} lets it pass: {told}"
    assert bug.because in ran.stdout, f"caught, but not because {bug.because!r}: {told}"


def test_every_promise_has_a_planted_bug() -> None:
    assert {bug.guards for bug in BUGS} >= set(PROMISES)
    assert len({bug.name for bug in BUGS}) == len(BUGS)
