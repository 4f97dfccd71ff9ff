"""The node image of `hack.kindnode`: Debian with containerd and a kubelet, and all that a cluster runs, in archives."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hack import archive, busybox, golang
from hack.kind_docker import BIN, CACHE, VERSION, output, run, succeeds
from hack.packages import install, say

MODULE = Path(__file__).resolve().parent / "go-kind"
IMAGE = f"spo.test/kindnode:{VERSION}"
# `hack.cluster` builds most of the same programs in the same way: take its copy where there is one.
NEIGHBOUR = Path(os.environ.get("SPO_CLUSTER_CACHE", Path.home() / ".cache" / "spo-cluster")) / f"v{VERSION}"
KUBERNETES = "kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubeadm kubelet kubectl".split()
MODULES = {name: f"k8s.io/kubernetes/cmd/{name}" for name in KUBERNETES}
MODULES |= {"etcd": "go.etcd.io/etcd/server/v3", "crictl": "kindnode/crictl", "pause": "kindnode/pause"}
PINNED = {"kind": "sigs.k8s.io/kind@v0.33.0", "coredns": "github.com/coredns/coredns@v1.14.2"}
CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd")
HOST_PACKAGES = "containerd runc mmdebstrap busybox-static libdevmapper1.02.1 iptables iproute2".split()
NODE_PACKAGES = (
    "containerd runc containernetworking-plugins iptables conntrack ethtool socat iproute2 kmod procps mount runit"
).split()


def prepare() -> None:
    """Install and build all that the node image and `kind` itself are made of."""
    install(HOST_PACKAGES)
    BIN.mkdir(parents=True, exist_ok=True)
    if not (BIN / "dockerd").exists():
        _fetch_docker()
    for name, package in MODULES.items():
        if not (BIN / name).exists() and (NEIGHBOUR / "complete").exists() and (NEIGHBOUR / name).exists():
            shutil.copy(NEIGHBOUR / name, BIN / f"{name}.part")
            (BIN / f"{name}.part").rename(BIN / name)
        golang.build(MODULE, package, BIN / name, golang.kubernetes_flags(VERSION))
    for name, package in PINNED.items():
        golang.install(package, BIN / name)


def build() -> None:
    """Make the node image, in the dockerd that answers; nothing if it is there."""
    if not succeeds("docker", "image", "inspect", tagged()):
        _make()
    run("docker", "tag", tagged(), IMAGE)


def tagged() -> str:
    """The node image's name with a digest of all that it is made of."""
    sources = [
        Path(__file__),
        Path(busybox.__file__),
        *sorted(path for path in (MODULE / "node").rglob("*") if path.is_file()),
    ]
    programs = [f"{name} {(BIN / name).stat().st_size}" for name in sorted([*MODULES, *PINNED])]
    digest = hashlib.sha256("\n".join(programs).encode() + b"".join(path.read_bytes() for path in sources))
    return f"{IMAGE}-{digest.hexdigest()[:12]}"


def _fetch_docker() -> None:
    """The package unpacked, not installed: an installed one would start a dockerd."""
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        run("apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", "docker.io", cwd=scratch)
        run("dpkg-deb", "-x", *Path(scratch).glob("docker.io_*.deb"), f"{scratch}/root")
        for name in ("bin/docker", "sbin/docker-proxy", "sbin/dockerd"):
            shutil.move(f"{scratch}/root/usr/{name}", BIN)


def _make() -> None:
    started = time.monotonic()
    say("making the node image …")
    with _root() as root:
        content = subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE)
        changes = ['ENTRYPOINT ["/kind/entrypoint"]', f"ENV PATH={archive.PATH} container=docker"]
        options = [part for change in changes for part in ("--change", change)]
        run("docker", "import", *options, "-", tagged(), stdin=content.stdout, stdout=subprocess.DEVNULL)
        if content.wait():
            raise SystemExit("tar failed")
    for old in output("docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", IMAGE.partition(":")[0]).split():
        if old != tagged():
            run("docker", "image", "rm", old, stdout=subprocess.DEVNULL)
    say(f"made the node image in {time.monotonic() - started:.0f} s")


@contextmanager
def _root() -> Iterator[Path]:
    """The node's file system for as long as the body runs."""
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        root = Path(scratch) / "root"
        excluded = [f"--dpkgopt=path-exclude=/usr/share/{part}/*" for part in ("doc", "man", "locale", "info")]
        small = ["--quiet", "--mode=root", "--variant=minbase", '--aptopt=APT::Install-Recommends "false"', *excluded]
        run("mmdebstrap", *small, f"--include={','.join(NODE_PACKAGES)}", "bookworm", root)
        shutil.copytree(MODULE / "node", root, symlinks=True, dirs_exist_ok=True)
        for name in ("kubeadm", "kubelet", "kubectl", "crictl"):
            shutil.copy(BIN / name, root / "usr/local/bin")
        (root / "kind/version").write_text(f"v{VERSION}\n")
        for part in ("node", "control-plane"):
            (root / "kind/images" / part).mkdir(parents=True)
        for name in output(BIN / "kubeadm", "config", "images", "list", f"--kubernetes-version=v{VERSION}").split():
            _image_of_a_program(root, name)
        files = archive.below(busybox.lay_out(Path(scratch) / "busybox"))
        make_image(root / "kind/images/node/busybox.tar", busybox.IMAGE, files, {"Cmd": busybox.COMMAND})
        yield root


def _image_of_a_program(root: Path, name: str) -> None:
    """One of the images that kubeadm asks for, made of our static program, as an archive in the node."""
    program = name.rpartition("/")[2].partition(":")[0]
    if program == "pause":
        config = root / "etc/containerd/config.toml"
        config.write_text(config.read_text().replace("@PAUSE@", name))
    files = {f"usr/local/bin/{program}": BIN / program}
    if program == "kube-proxy":
        files |= _iptables(root)
    part = "control-plane" if program in CONTROL_PLANE else "node"
    made = root / "kind/images" / part / f"{program}.tar"
    make_image(made, name, files, {"Entrypoint": [f"/usr/local/bin/{program}"]})


def _iptables(root: Path) -> dict[str, Path]:
    """The programs of kube-proxy's image: the node's own iptables, its extensions and their libraries."""
    tool = root / "usr/sbin/xtables-nft-multi"
    loaded = [f"/{path.relative_to(root)}" for path in (tool, *root.glob("usr/lib/*/xtables/*.so"))]
    words = {*loaded, *output("chroot", root, "ldd", *loaded).split()}
    files = {word[1:]: (root / word[1:]).resolve() for word in words if word.startswith("/") and not word.endswith(":")}
    return files | {
        f"usr/local/bin/{family}tables{suffix}": tool
        for family in ("ip", "ip6")
        for suffix in ("", "-save", "-restore")
    }


def make_image(made: Path, name: str, files: dict[str, Path], config: dict[str, list[str]]) -> None:
    """An image archive of some files."""
    layer = archive.write_layer(made.with_suffix(".layer"), files)
    archive.write_archive(made, [name], [layer], config)
    layer.file.unlink()
