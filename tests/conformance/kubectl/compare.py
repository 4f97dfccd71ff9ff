"""One kubectl session against two API servers: what is printed must be the same, but for names, times and numbers.

    python3 -m tests.conformance.kubectl.compare KUBECTL KUBECONFIG KUBECONFIG IMAGE
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import yaml

SESSION = Path(__file__).parent / "session.yaml"
NAMESPACE = "kubectl-session"
COMMAND_S_MAX = 120
MASKS = (
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UID"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
    (r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}", "TIME"),
    (r"resourceVersion: \"\d+\"", "resourceVersion: N"),
    (r"\b(\d+[smhd]){1,2}\b", "AGE"),
    (r"<invalid>", "AGE"),
    (r"\b(web|once)-[a-z0-9]{5,10}(-[a-z0-9]{5})?\b", r"\1-HASH"),
    (r"pod-template-hash=[a-z0-9]+", "pod-template-hash=HASH"),
    (r"kube-api-access-[a-z0-9]{5}", "kube-api-access-HASH"),
    (r"\b\d+\.\d+\.\d+\.\d+\b", "IP"),
    (r"(containerd|docker)://\S+", "CONTAINER"),
    (r"sha256:[0-9a-f]+", "SHA"),
    (r"node-[12]", "NODE"),
    (r"eyJ[\w.-]+|sa-token\S*|token-\S+", "TOKEN"),
    (r"[ \t]+", " "),
    (r"-{4,}", "----"),
)


class Said(NamedTuple):
    """What a command came to."""

    exit: int
    text: str


def commands() -> list[tuple[str, str]]:
    """Each command line of the session, and what it reads."""
    entries = yaml.safe_load(SESSION.read_text())
    return [(entry, "") if isinstance(entry, str) else (entry["command"], entry["stdin"]) for entry in entries]


def run(kubectl: str, kubeconfig: str, line: str, stdin: str, image: str) -> Said:
    """Run one line of the session."""
    words = [word.replace("{ns}", NAMESPACE).replace("IMAGE", image) for word in shlex.split(line)]
    environment = {**os.environ, "KUBECONFIG": kubeconfig, "HOME": f"{kubeconfig}.home"}
    done = subprocess.run(
        [kubectl, *words[1:]],
        input=stdin.replace("IMAGE", image),
        capture_output=True,
        text=True,
        timeout=COMMAND_S_MAX,
        env=environment,
        check=False,
    )
    return Said(done.returncode, masked(done.stdout + done.stderr))


def masked(text: str) -> str:
    """The text without what differs from run to run."""
    for pattern, instead in MASKS:
        text = re.sub(pattern, instead, text)
    return "\n".join(line.strip() for line in text.splitlines())


def main(kubectl: str, one: str, other: str, image: str) -> int:
    """Print what differs; gives the number of commands that do."""
    different = 0
    for line, stdin in commands():
        left, right = (run(kubectl, kubeconfig, line, stdin, image) for kubeconfig in (one, other))
        if left != right:
            different += 1
            print(f"## {line}   exit {left.exit} / {right.exit}")
            print("\n".join(difflib.unified_diff(left.text.splitlines(), right.text.splitlines(), lineterm="", n=0)))
    print(f"{different} of {len(commands())} commands differ")
    return different


if __name__ == "__main__":
    sys.exit(min(main(*sys.argv[1:5]), 1))
