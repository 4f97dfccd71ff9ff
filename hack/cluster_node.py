"""A node of `hack.cluster`: its own mounts, bridge, runtime, cgroups, kubelet; network and pids are the machine's."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from hack import archive, busybox
from hack.processes import Processes, born

VERSION = "1.36.3"
CACHE = Path(os.environ.get("SPO_CLUSTER_CACHE", Path.home() / ".cache" / "spo-cluster")) / f"v{VERSION}"
STATE = Path(os.environ.get("SPO_CLUSTER_STATE", Path(tempfile.gettempdir()) / "spo-cluster"))
CGROUPS = Path("/sys/fs/cgroup")
NETWORK = "10.66"  # API server 10.66.0.1; node n owns 10.66.n.0/24
BRIDGE = "spo-br"
KUBELET_PORT = 16250
PAUSE = "spo.test/pause:1"
# Paths that a node must have for itself: each node sees its own, in its own mount namespace.
OWN_PATHS = (
    "/var/lib/kubelet /var/lib/containerd /run/containerd /var/log/pods /var/log/containers"
    " /var/lib/security-profiles-operator /etc/selinux.d"
).split()

servers = Processes(STATE)


def run(*command: object, quiet: bool = False) -> None:
    """Run a command that must succeed; `quiet`: whose words nobody wants."""
    words = [str(part) for part in command]
    silent = subprocess.DEVNULL if quiet else None
    subprocess.run(words, check=True, stdout=silent, stderr=silent)


def attempt(*command: object) -> None:
    """Run a command that may fail, as when its work was done before."""
    with contextlib.suppress(subprocess.CalledProcessError):
        run(*command, quiet=True)


def bridge(name: str, address: str) -> None:
    attempt("ip", "link", "add", name, "type", "bridge")
    attempt("ip", "addr", "add", address, "dev", name)
    run("ip", "link", "set", name, "up")


def numbers() -> list[int]:
    """The nodes there are."""
    return sorted(int(name.split(".")[0].removeprefix("node-")) for name in servers.names() if "containerd" in name)


def start(number: int, kubeconfig: Path) -> None:
    """Start node `number`; its kubelet speaks with `kubeconfig`."""
    home, address = STATE / f"node-{number}", f"{NETWORK}.{number}.1"
    for own in OWN_PATHS:
        _copy_of(home, own).mkdir(parents=True)
        Path(own).mkdir(parents=True, exist_ok=True)
    bridge(f"{BRIDGE}{number}", f"{address}/24")
    _cgroups(number)
    _configure(home, number, address)
    binds = " && ".join(f"mount --bind {_copy_of(home, own)} {own}" for own in OWN_PATHS)
    script = (
        f"mount --make-rprivate / && {binds} && mount --make-rshared / && exec containerd -c {home}/containerd.toml"
    )
    runtime = f"node-{number}.containerd"
    pid = servers.start(runtime, "unshare", "-m", "--propagation", "private", "sh", "-c", script)
    servers.wait("containerd", lambda: ctr(number, "version").returncode == 0, 30, runtime)
    for name, command in ((PAUSE, ["/bin/sleep", "2147483647"]), (busybox.IMAGE, busybox.COMMAND)):
        load(make_image(name, busybox_root(), command), only=number)
    flags = ["--config", home / "kubelet.json", "--kubeconfig", kubeconfig, "--hostname-override", f"node-{number}"]
    flags += ["--node-ip", address, "--node-labels", "spo.test/real=true", "--cert-dir", home / "pki"]
    inside = ["nsenter", "-t", pid, "-m", "--"]
    servers.start(f"node-{number}.kubelet", *inside, CACHE / "kubelet", *flags)


def stop(number: int) -> None:
    """The kubelet first, then its containers, then the runtime."""
    servers.stop(f"node-{number}.kubelet")
    if servers.alive(f"node-{number}.containerd"):
        for task in ctr(number, "task", "ls", "-q").stdout.split():
            ctr(number, "task", "rm", "-f", task)
    servers.stop(f"node-{number}.containerd")


def clean_up() -> None:
    """After the last node: what still runs in the nodes' cgroups, their bridges and the cgroups themselves."""
    _kill_containers()
    links = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True).stdout.splitlines()
    for link in (line.split(":")[1].split("@")[0].strip() for line in links):
        if link.startswith(BRIDGE):
            attempt("ip", "link", "del", link)
    for controller in _controllers():
        for group in sorted(controller.glob("spo-node-*/**/"), reverse=True):
            with contextlib.suppress(OSError):
                group.rmdir()


def _copy_of(home: Path, own: str) -> Path:
    return home / own.strip("/").replace("/", "-")


def _controllers() -> list[Path]:
    return [path for path in CGROUPS.iterdir() if path.is_dir()]


def _cgroups(number: int) -> None:
    for controller in _controllers():
        group = controller / f"spo-node-{number}"
        group.mkdir(exist_ok=True)
        for inherited in ("cpuset.cpus", "cpuset.mems"):
            if (controller / inherited).exists():
                (group / inherited).write_text((controller / inherited).read_text())


def _configure(home: Path, number: int, address: str) -> None:
    subnet = {"subnet": f"{NETWORK}.{number}.0/24"}
    everywhere = [{"dst": "0.0.0.0/0"}]
    addresses = {"type": "host-local", "dataDir": str(home / "ipam"), "ranges": [[subnet]], "routes": everywhere}
    plugin = {"type": "bridge", "bridge": f"{BRIDGE}{number}", "isGateway": True, "ipMasq": False, "ipam": addresses}
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    (home / "cni").mkdir()
    network = {"cniVersion": "0.4.0", "name": "spo", "plugins": [plugin, ports]}
    (home / "cni/10-bridge.conflist").write_text(json.dumps(network))
    (home / "containerd.toml").write_text(f"""version = 2
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{home}/cni"
""")
    kubelet = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "failCgroupV1": False,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/spo-node-{number}",
        "address": address,
        "port": KUBELET_PORT,
        "healthzPort": 0,
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "enforceNodeAllocatable": ["pods"],
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        "failSwapOn": False,
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {"nodefs.available": "1%", "imagefs.available": "1%", "memory.available": "50Mi"},
        "syncFrequency": "5s",
        "nodeStatusUpdateFrequency": "4s",
        "serializeImagePulls": False,
    }
    (home / "kubelet.json").write_text(json.dumps(kubelet))


def _kill_containers() -> None:
    """End whatever still runs in the nodes' cgroups, and the runtime's shims that watched over it."""
    killed: dict[int, str] = {}
    for procs in CGROUPS.glob("*/spo-node-*/**/cgroup.procs"):
        with contextlib.suppress(OSError):
            killed |= {int(pid): born(int(pid)) for pid in procs.read_text().split()}
    shims = subprocess.run(
        ["pgrep", "-f", "^/usr/bin/containerd-shim.* -namespace k8s.io "], capture_output=True, text=True
    )
    for shim in map(int, shims.stdout.split()):
        with contextlib.suppress(OSError):
            if f"{STATE}/node-" in Path(f"/proc/{shim}/mountinfo").read_text():
                killed[shim] = born(shim)
    for pid in killed:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while any(since and born(pid) == since for pid, since in killed.items()) and time.monotonic() < deadline:
        time.sleep(0.05)


# ---------------------------------------------------------------- images


def busybox_root() -> Path:
    """The root file system of the images that every node has; the pause image's, too."""
    root = STATE / "busybox"
    return root if root.exists() else busybox.lay_out(root)


def make_image(name: str, root: Path, command: list[str]) -> Path:
    """An image archive of the directory `root`."""
    made = STATE / "images" / f"{name.replace('/', '_').replace(':', '_')}.tar"
    made.parent.mkdir(exist_ok=True)
    layer = archive.write_layer(made.with_suffix(".layer"), archive.below(root))
    archive.write_archive(made, [name], [layer], {"Cmd": command})
    layer.file.unlink()
    return made


def ctr(number: int, *arguments: object) -> subprocess.CompletedProcess[str]:
    """containerd's own client, on that node."""
    inside = ["nsenter", "-t", servers.pid(f"node-{number}.containerd"), "-m", "--", "ctr", "-n", "k8s.io"]
    return subprocess.run([str(part) for part in (*inside, *arguments)], capture_output=True, text=True)


def load(image: Path, only: int | None = None) -> None:
    """Load an image archive (docker or OCI layout) into every node, or into one."""
    for number in numbers() if only is None else [only]:
        done = ctr(number, "image", "import", image.resolve())
        if done.returncode:
            raise SystemExit(f"node-{number} refused {image}: {done.stderr.strip()}")
