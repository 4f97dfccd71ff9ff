"""A dockerd for kind: the one that answers, or a private one that leaves the machine's network as it is."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hack.archive import PATH
from hack.processes import Processes

VERSION = "1.36.3"
CLUSTER = "spo"
CACHE = Path(os.environ.get("SPO_KIND_CACHE", Path.home() / ".cache" / "spo-kind")) / f"v{VERSION}"
STATE = Path(os.environ.get("SPO_KIND_STATE", Path(tempfile.gettempdir()) / "spo-kind"))
BIN = CACHE / "bin"
FORWARD = Path("/proc/sys/net/ipv4/ip_forward")
CAPABILITIES = {24: "SYS_RESOURCE", 38: "PERFMON", 39: "BPF", 40: "CHECKPOINT_RESTORE"}

servers = Processes(STATE)


def exports() -> dict[str, str]:
    """What a shell needs to work with the cluster."""
    own = {"KUBECONFIG": str(STATE / "kubeconfig"), "KIND_CLUSTER_NAME": CLUSTER, "PATH": f"{BIN}:{os.environ['PATH']}"}
    if (STATE / "docker.sock").exists():
        own["DOCKER_HOST"] = f"unix://{STATE}/docker.sock"
    return own


def environment() -> dict[str, str]:
    return {**os.environ, **exports()}


def run(*command: object, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], check=True, env=environment(), **options)


def output(*command: object) -> str:
    return run(*command, capture_output=True, text=True).stdout.strip()


def succeeds(*command: object) -> bool:
    return subprocess.run([str(part) for part in command], capture_output=True, env=environment()).returncode == 0


def answers() -> bool:
    """Is there a dockerd?"""
    return shutil.which("docker", path=environment()["PATH"]) is not None and succeeds("docker", "info")


@contextlib.contextmanager
def docker() -> Iterator[None]:
    """A dockerd: the one that answers, or one of our own for as long as the body runs."""
    if answers():
        yield
        return
    start()
    try:
        yield
    finally:
        stop()


def start() -> None:
    """A private dockerd: its own socket, no docker0, and not one rule in the machine's iptables."""
    STATE.mkdir(parents=True, exist_ok=True)
    before = {"ip_forward": FORWARD.read_text(), "modules": os.path.exists("/lib/modules")}
    (STATE / "before.json").write_text(json.dumps(before))
    FORWARD.write_text("1")  # dockerd would set the policy of the FORWARD chain together with this
    (STATE / "containerd.toml").write_text(f"""version = 2
root = "{CACHE}/docker/containerd"
state = "{STATE}/run/containerd"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "{STATE}/containerd.sock"
""")
    servers.start("containerd", "containerd", "--config", STATE / "containerd.toml", environment=environment())
    servers.wait("containerd", lambda: (STATE / "containerd.sock").exists(), 60, "containerd")
    flags = {
        "host": f"unix://{STATE}/docker.sock",
        "containerd": STATE / "containerd.sock",
        "data-root": CACHE / "docker",
        "exec-root": STATE / "run/docker",
        "pidfile": STATE / "run/docker.pid",
        "bridge": "none",
        "oom-score-adjust": "0",
    }
    given = [part for name, value in flags.items() for part in (f"--{name}", value)]
    off = ["--iptables=false", "--ip-masq=false"]
    servers.start("dockerd", "dockerd", *given, *off, *_runtime(), environment=environment())
    servers.wait("dockerd", lambda: (STATE / "docker.sock").exists() and answers(), 60, "dockerd")


def _runtime() -> list[object]:
    """runc, corrected in what "privileged" means: every capability that this machine's root has.

    This dockerd does not know the three newest, and runc cannot grant SYS_RESOURCE where root lacks it.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    bounding = next(int(line.split()[1], 16) for line in lines if line.startswith("CapBnd:"))
    granted = ",".join(f'"CAP_{name}"' for bit, name in CAPABILITIES.items() if bounding >> bit & 1)
    wrapper = STATE / "runc"
    wrapper.write_text(f"""#!/bin/sh
for word; do
    case $before in --bundle) file=$word/config.json ;; --process) file=$word ;; esac
    before=$word
done
[ -z "$file" ] || sed -i 's/"CAP_SYS_RESOURCE"/{granted}/g' "$file"
exec {shutil.which("runc", path=PATH)} "$@"
""")
    wrapper.chmod(0o755)
    return ["--add-runtime", f"corrected={wrapper}", "--default-runtime", "corrected"]


def stop() -> None:
    """Stop the dockerd of ours, if there is one, and undo what it did to the machine."""
    servers.stop("dockerd")
    servers.stop("containerd")
    _unmount()
    if not (STATE / "before.json").exists():
        return
    before = json.loads((STATE / "before.json").read_text())
    FORWARD.write_text(before["ip_forward"])
    if not before["modules"]:  # a mount of kind's
        with contextlib.suppress(OSError):
            os.rmdir("/lib/modules")
    for controller in Path("/sys/fs/cgroup").iterdir():
        with contextlib.suppress(OSError):
            (controller / "docker").rmdir()
    shutil.rmtree(STATE)


def _unmount() -> None:
    """What dockerd leaves mounted in its state, such as the network of a container that had none."""
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for path in reversed([each for each in mounts if each.startswith(f"{STATE}/")]):
        subprocess.run(["umount", path], check=False)
