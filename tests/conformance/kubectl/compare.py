"""One kubectl session against two API servers: what is printed must be the same, but for names, times and numbers.

    python3 -m tests.conformance.kubectl.compare KUBECTL KUBECONFIG            run it, and compare with the recorded one
    python3 -m tests.conformance.kubectl.compare KUBECTL KUBECONFIG --record   write said.json: what a real cluster says

The session makes its own namespace, and takes it away. The cluster needs nodes that have the image spo.test/busybox:1
(python3 -m hack.cluster up), and the CRDs of deploy/.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import yaml

SESSION = Path(__file__).parent / "session.yaml"
SAID = Path(__file__).parent / "said.json"
NAMESPACE = "kubectl-session"
IMAGE = "spo.test/busybox:1"
COMMAND_S_MAX = 120
MASKS = (
    (r"(?m)^Waiting for deployment .*\n", ""),  # how often it says so depends on the moment
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UID"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
    (r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}", "TIME"),
    (r"resourceVersion: \"\d+\"", "resourceVersion: N"),
    (r"\b(web|once)-[a-z0-9]{5,10}(-[a-z0-9]{5})?\b", r"\1-HASH"),  # before ages: 76948646d is both
    (r"pod-template-hash=[a-z0-9]+", "pod-template-hash=HASH"),
    (r"\b(\d+[smhd]){1,2}\b", "AGE"),
    (r"<invalid>", "AGE"),
    (r"kube-api-access-[a-z0-9]{5}", "kube-api-access-HASH"),
    (r"\b\d+\.\d+\.\d+\.\d+\b", "IP"),
    (r"(containerd|docker)://\S+", "CONTAINER"),
    (r"sha256:[0-9a-f]+", "SHA"),
    (r"node-[12]", "NODE"),
    (r"eyJ[\w.-]+|serviceaccount-token/\S*", "TOKEN"),
    (r"[ \t]+", " "),
    (r"-{4,}", "----"),
)


class Line(NamedTuple):
    """A command, what it reads, and why it may say something else in the simulator."""

    command: str
    stdin: str = ""
    differs: str = ""


class Said(NamedTuple):
    """What a command came to."""

    exit: int
    text: str


def session() -> list[Line]:
    entries = yaml.safe_load(SESSION.read_text())
    return [Line(entry) if isinstance(entry, str) else Line(**entry) for entry in entries]


def run(kubectl: str, kubeconfig: str, line: Line) -> Said:
    """Run one line of the session."""
    words = [word.replace("{ns}", NAMESPACE).replace("IMAGE", IMAGE) for word in shlex.split(line.command)]
    done = subprocess.run(
        [kubectl, *words[1:]],
        input=line.stdin.replace("IMAGE", IMAGE),
        capture_output=True,
        text=True,
        timeout=COMMAND_S_MAX,
        env={**os.environ, "KUBECONFIG": kubeconfig, "HOME": f"{kubeconfig}.home"},
        check=False,
    )
    return Said(done.returncode, masked(done.stdout + done.stderr))


def masked(text: str) -> str:
    """The text without what differs from run to run."""
    for pattern, instead in MASKS:
        text = re.sub(pattern, instead, text)
    return "\n".join(line.strip() for line in text.strip().splitlines())


def recorded() -> list[Said]:
    """What a real cluster said, in the order of the session."""
    return [Said(entry["exit"], "\n".join(entry["said"])) for entry in json.loads(SAID.read_text())]


def record(kubectl: str, kubeconfig: str) -> None:
    entries = []
    for line in session():
        said = run(kubectl, kubeconfig, line)
        entries.append({"command": line.command, "exit": said.exit, "said": said.text.splitlines()})
    SAID.write_text(json.dumps(entries, indent=1) + "\n")


def differences(kubectl: str, kubeconfig: str, texts: bool = True) -> Iterator[str]:
    """Run the session; gives a text for each line that ends, or says, something else than recorded."""
    for line, want in zip(session(), recorded(), strict=True):
        got = run(kubectl, kubeconfig, line)
        if (got != want if texts else got.exit != want.exit) and not line.differs:
            shown = difflib.unified_diff(want.text.splitlines(), got.text.splitlines(), lineterm="", n=0)
            yield "\n".join([f"{line.command}: exit {want.exit}, now {got.exit}", *shown])


def main(kubectl: str, kubeconfig: str, *options: str) -> int:
    if "--record" in options:
        record(kubectl, kubeconfig)
        return 0
    found = list(differences(kubectl, kubeconfig))
    print("\n\n".join([*found, f"{len(found)} of {len(session())} differ"]))
    return min(len(found), 1)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
