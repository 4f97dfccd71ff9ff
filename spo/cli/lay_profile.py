"""Put the operator's own seccomp profile on this node's disk, as the init container of its pods does.

Environment: KUBELET_DIR (the kubelet's own directory).
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from spo.doors.ports import DiskError
from spo.installation.lay_profile import lay
from spo.model.seccomp import profiles_directory
from spo.real.profile_directory import RealProfileDirectory
from spo.render.own_profile import FILE


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `spo lay-profile`."""
    parser.add_argument(
        "--as", dest="name", default=FILE, metavar="FILE", help="its name there: NAME.json (default: %(default)s)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Put it there. Gives 0, 1 (the disk refused) or 2 (bad configuration)."""
    kubelet_dir = os.environ.get("KUBELET_DIR", "")
    if not kubelet_dir:
        return _refuse("KUBELET_DIR is not set: name the kubelet's directory", 2)
    if "/" in arguments.name:
        return _refuse(f"--as {arguments.name}: a name, not a path: profiles of the API stand deeper", 2)
    try:
        root = profiles_directory(kubelet_dir)
        done = lay(root, arguments.name, _standing(Path(root) / arguments.name), RealProfileDirectory(root, _Clock()))
    except DiskError as error:
        return _refuse(str(error), 2 if error.reason == "EINVAL" else 1)
    print(done)
    return 0


def _standing(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except OSError:
        return None  # not there, or not readable: then writing it says why


class _Clock:
    """The disk door's; nothing here waits. (That of `spo.real.process` comes with a web server.)"""

    def now(self) -> float:
        return time.time()


def _refuse(why: str, code: int) -> int:
    print(f"spo lay-profile: {why}", file=sys.stderr)
    return code
