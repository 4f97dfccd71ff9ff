"""Remove all that the operator wrote on this node. `spo uninstall` runs this in a pod on every node.

Environment: KUBELET_DIR (the kubelet's own directory).
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from spo.installation.clean_up import remove


def configure(parser: argparse.ArgumentParser) -> None:
    """There are no options."""


def run(arguments: argparse.Namespace) -> int:
    """Remove the files. Gives 0, 1 (the disk refused) or 2 (bad configuration)."""
    kubelet_dir = os.environ.get("KUBELET_DIR", "")
    if not kubelet_dir:
        print("spo clean-up: KUBELET_DIR is not set: name the kubelet's directory", file=sys.stderr)
        return 2
    try:
        count = remove(Path(kubelet_dir))
    except OSError as error:
        print(f"spo clean-up: {error}", file=sys.stderr)
        return 1
    print(f"removed {count} files")
    return 0
