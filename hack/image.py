"""The operator's container image, made without docker and without a registry.

Python and its libraries come from Debian's packages (extracted, with no shell and no package manager), our own wheel
and its locked dependencies from pip. The result is an archive in docker's layout, for `hack.cluster load`, `kind load
image-archive`, `ctr image import`, `docker load`, `podman load`. The same sources give the same bytes.

    python -m hack.image                 dist/spo-<version>.tar
    python -m hack.image --root DIR      only the file system, into a new directory (the Containerfile does that)

Needs root, apt-get (Debian 12) and pip. All but our own wheel is kept in a cache: only the first build takes its time.
"""

from __future__ import annotations

import argparse
import fnmatch
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hack import archive
from hack.packages import install, need_root, say

TOP = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("SPO_IMAGE_CACHE", Path.home() / ".cache" / "spo-image"))
LOCK = TOP / "hack/image-requirements.lock"
NAME = "security-profiles-operator"
SUITE, PYTHON = "bookworm", "3.11"
USER = 65535  # what the manager's manifest says, too; the daemon's asks for root
LIBRARIES = f"usr/local/lib/python{PYTHON}/dist-packages"  # where Debian's Python looks by itself

# What Debian's packages bring and no process of ours reads. Copyright files stay.
UNUSED = (
    # The package manager, and what packages leave for it.
    "bin/tar usr/bin/dpkg* usr/sbin usr/bin/update-alternatives usr/lib/dpkg usr/share/dpkg usr/share/polkit-1",
    "etc/dpkg etc/cron.daily etc/alternatives etc/logrotate.d var/lib/apt var/lib/dpkg var/cache dev",
    # What a person at a terminal reads.
    "usr/share/locale usr/share/man usr/share/info usr/share/lintian usr/share/bash-completion usr/share/doc-base",
    "usr/share/doc/*/* usr/share/applications usr/share/pixmaps usr/share/binfmts usr/share/gcc usr/share/gdb",
    # Conversions between alphabets, perl, databases.
    "usr/lib/*/gconv usr/lib/*/perl* usr/bin/perl* usr/share/perl* usr/lib/*/libdb-5.3.so usr/lib/*/libsqlite3*",
    # Python's own tools and tests.
    *(f"usr/lib/python{PYTHON}/{part}" for part in "test pydoc_data lib2to3 ensurepip idlelib".split()),
    *(f"usr/lib/python{PYTHON}/lib-dynload/{part}.*" for part in "_sqlite3 _dbm".split()),
    "usr/lib/python3 usr/share/python3 usr/bin/py*clean usr/bin/py*compile usr/bin/python*-config",
    "usr/bin/pydoc* usr/bin/pygettext* usr/bin/2to3* usr/bin/pdb*",
)
KEPT = ("usr/share/doc/*/copyright",)
PROGRAM = "#!/usr/bin/python3\nimport sys\n\nfrom spo.cli.main import main\n\nsys.exit(main())\n"
FILES = {
    "etc/passwd": f"root:x:0:0:root:/:/sbin/nologin\nspo:x:{USER}:{USER}:spo:/:/sbin/nologin\n",
    "etc/group": f"root:x:0:\nspo:x:{USER}:\n",
    "etc/nsswitch.conf": "hosts: files dns\n",
}


def version() -> str:
    """The project's, from pyproject.toml."""
    return str(tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["version"])


def build(directory: Path) -> Path:
    """Make the image archive in `directory`. Gives its path."""
    started = time.monotonic()
    need()
    base = foundation()
    directory.mkdir(parents=True, exist_ok=True)
    made = directory / f"spo-{version()}.tar"
    with complete(base) as root, tempfile.TemporaryDirectory() as scratch:
        below, whole = archive.below(base), archive.below(root)
        ours = {path: file for path, file in whole.items() if path not in below}
        layers = [
            archive.write_layer(Path(scratch) / "foundation.layer", below),
            archive.write_layer(Path(scratch) / "ours.layer", ours),
        ]
        archive.write_archive(made, names([layer.digest for layer in layers]), layers, config())
    size = made.stat().st_size / 1e6
    say(f"{made}: {', '.join(archive.names_in(made))}; {size:.0f} MB, in {time.monotonic() - started:.0f} s")
    return made


def need() -> None:
    """What it takes beside pip: root, for owners and chroot, and a program that reads Debian's archive."""
    need_root("hack.image")
    install(["mmdebstrap"])


def names(digests: list[str]) -> list[str]:
    """The name in the manifests, and one that changes with the content, so that a new image is rolled out."""
    content = hashlib.sha256("\n".join(digests).encode()).hexdigest()
    return [f"{NAME}:{version()}", f"{NAME}:{version()}-{content[:12]}"]


def config() -> dict[str, Any]:
    """What a container of the image runs."""
    return {
        "User": f"{USER}:{USER}",
        "Entrypoint": ["/usr/local/bin/spo"],
        # The bytecode is there already, and the root file system is mounted read-only.
        "Env": [f"PATH={archive.PATH}", "LANG=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1"],
        "Labels": {
            "org.opencontainers.image.title": NAME,
            "org.opencontainers.image.version": version(),
            "org.opencontainers.image.licenses": "Apache-2.0",
        },
    }


# ---------------------------------------------------------------- what is not ours


def foundation() -> Path:
    """Python and the dependencies: from the cache, or afresh when this module or the lock asks for something else."""
    asked = [SUITE, PYTHON, archive.architecture(), *UNUSED, *KEPT, *FILES.values(), LOCK.read_text()]
    key = hashlib.sha256("\n".join(asked).encode()).hexdigest()[:12]
    root = CACHE / key
    if root.exists():
        return root
    say("extracting Python from Debian's packages …")
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        made = Path(scratch) / "root"
        command = ["mmdebstrap", "--quiet", "--mode=root", "--variant=extract", "--include=python3", SUITE, str(made)]
        subprocess.run(command, check=True)
        strip(made)
        for name, text in FILES.items():
            (made / name).write_text(text)
        (made / "tmp").chmod(0o1777)
        put(made, "--require-hashes", "-r", LOCK)
        for directory in (f"/usr/lib/python{PYTHON}", f"/{LIBRARIES}"):
            compile_(made, directory)
        made.rename(root)
    return root


def strip(root: Path) -> None:
    """Remove what nobody reads, and the directories that are empty then."""
    patterns = [pattern for words in UNUSED for pattern in words.split()]
    for pattern in patterns:
        for path in sorted(root.glob(pattern)):
            inside = str(path.relative_to(root))
            if any(fnmatch.fnmatch(inside, kept) for kept in KEPT):
                continue
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
    for name in ("tmp", "proc", "sys", "dev", "etc", "run"):
        (root / name).mkdir(exist_ok=True)


def compile_(root: Path, directory: str) -> None:
    """Bytecode for a read-only file system, by the image's own Python; its sources are not looked at again."""
    command = [
        "chroot",
        str(root),
        "/usr/bin/python3",
        "-m",
        "compileall",
        "-q",
        "--invalidation-mode",
        "unchecked-hash",
    ]
    subprocess.run([*command, directory], check=True, env={"PATH": os.environ["PATH"], "PYTHONHASHSEED": "0"})


def put(root: Path, *packages: object) -> None:
    """Install with pip for the image's Python, which need not be the one that runs this. No script, no record."""
    libraries = root / LIBRARIES
    for_image = ["--no-deps", "--no-compile", "--only-binary=:all:", f"--python-version={PYTHON}"]
    with tempfile.TemporaryDirectory() as scratch:
        pip("install", *for_image, "--target", scratch, *packages)
        shutil.rmtree(Path(scratch) / "bin", ignore_errors=True)
        for record in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json"):  # of this machine, not of the content
            for path in Path(scratch).glob(f"*.dist-info/{record}"):
                path.unlink()
        for path in Path(scratch).rglob("*"):  # whatever the umask
            path.chmod(0o755 if path.is_dir() else 0o644)
        shutil.copytree(scratch, libraries, dirs_exist_ok=True)
    libraries.chmod(0o755)


# ---------------------------------------------------------------- our part


@contextmanager
def complete(base: Path) -> Iterator[Path]:
    """The whole file system for as long as the body runs: the foundation, linked, and our own in it."""
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        root = Path(scratch) / "root"
        subprocess.run(["cp", "-al", base, root], check=True)
        put(root, wheel(Path(scratch)))
        program = root / "usr/local/bin/spo"
        program.parent.mkdir(parents=True)
        program.write_text(PROGRAM)
        program.chmod(0o755)
        compile_(root, f"/{LIBRARIES}/spo")
        yield root


def wheel(scratch: Path) -> Path:
    """The project's wheel, of a copy: what an older build left in the checkout must not get into it."""
    copy = scratch / "project"
    copy.mkdir()
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(TOP / name, copy)
    shutil.copytree(TOP / "spo", copy / "spo", ignore=shutil.ignore_patterns("__pycache__"))
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", scratch / "wheels", copy)
    return next((scratch / "wheels").glob("*.whl"))


def pip(*arguments: object) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *map(str, arguments)]
    subprocess.run(command, check=True, env={**os.environ, "PIP_ROOT_USER_ACTION": "ignore"})


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m hack.image", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--into", type=Path, default=TOP / "dist", metavar="DIR", help="where to put the archive")
    parser.add_argument("--root", type=Path, metavar="DIR", help="make only the file system, as this directory")
    asked = parser.parse_args()
    try:
        if asked.root is None:
            print(build(asked.into))
            return
        need()
        with complete(foundation()) as root:
            subprocess.run(["cp", "-a", root, asked.root], check=True)
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"failed ({error.returncode}): {' '.join(map(str, error.cmd))}") from error


if __name__ == "__main__":
    main()
