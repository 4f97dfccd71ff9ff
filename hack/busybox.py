"""The image that pods of stories and of tests run: the machine's own static busybox, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

PACKAGE = "busybox-static"
IMAGE = "spo.test/busybox:1"
COMMAND = ["/bin/sh"]


def lay_out(root: Path) -> Path:
    """Write its root file system into a new directory, which is given back."""
    for name in ("bin", "tmp", "etc", "proc", "sys", "dev", "var"):
        (root / name).mkdir(parents=True)
    shutil.copy("/bin/busybox", root / "bin")
    applets = subprocess.run(["/bin/busybox", "--list"], check=True, capture_output=True, text=True).stdout.split()
    for applet in applets:
        if applet != "busybox":
            (root / "bin" / applet).symlink_to("busybox")
    return root
