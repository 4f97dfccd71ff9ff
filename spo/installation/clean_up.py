"""Removing the operator's files from a node, when it is uninstalled."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from spo.model.seccomp import profiles_directory


def remove(kubelet_dir: Path) -> int:
    """Remove our directory; a symlink in its place is not followed. Gives the number of files. Raises OSError."""
    directory = Path(profiles_directory(str(kubelet_dir)))  # all in it is ours
    if not directory.is_symlink() and not directory.exists():
        return 0
    count = sum(len(files) for _, _, files in os.walk(directory))
    shutil.rmtree(directory)
    return count
