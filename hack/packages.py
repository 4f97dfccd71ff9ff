"""Debian's packages, where there is Debian."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable


def say(text: str) -> None:
    """A line about what is going on: on stderr, for stdout is for answers."""
    print(text, file=sys.stderr, flush=True)


def need_root(who: str) -> None:
    """End with a clear word where we are not root."""
    if os.geteuid():
        raise SystemExit(f"{who} needs root")


def install(packages: Iterable[str]) -> None:
    """Install what is missing. Ends with a clear word where there is no apt-get."""
    missing = [each for each in packages if not installed(each)]
    if not missing:
        return
    if shutil.which("apt-get") is None:
        raise SystemExit(f"there is no apt-get here to install {' '.join(missing)} with: Debian or Ubuntu is needed")
    say(f"installing {' '.join(missing)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", "--no-install-recommends", *missing]):
        subprocess.run(["apt-get", "-qq", *command], check=True, env=environment, stdout=subprocess.DEVNULL)


def installed(package: str) -> bool:
    if shutil.which("dpkg-query") is None:
        return False
    query = ["dpkg-query", "-W", "-f=${Status}", package]
    return "ok installed" in subprocess.run(query, capture_output=True, text=True).stdout
