"""The seccomp profile of the operator's own containers: what it lets through, and how it comes onto a node first.

It is no SeccompProfile of the API: on a node that has just joined, the daemon would wait for a file that only it can
write; and a profile in use is kept until its last user is gone, which would be the operator itself. So an init
container lays it, and the daemon puts it back. Its file's name has a digest of what is in it: during an upgrade two
releases are at work on a node, and neither may change the other's under a container that is just being started.
"""

from __future__ import annotations

from typing import Any

from spo.model.labels import APP
from spo.model.meta import ObjectMeta
from spo.model.seccomp import LOCALHOST_ROOT, SeccompProfile, SeccompProfileSpec, Syscall, profiles_directory
from spo.render.bases import BASES
from spo.render.resolve import Resolved
from spo.render.seccomp import form_of, render
from spo.render.security import ROOT, security_context

# Seen of manager and daemon at work in the image (Debian 12, x86_64), from first instruction to orderly end.
MEASURED = """
    accept4 access arch_prctl bind brk clock_gettime clone3 close connect epoll_create1 execve exit exit_group fchmod
    fcntl fsync futex getdents64 getpeername getpid getrandom getsockname getsockopt gettid ioctl listen lseek madvise
    mkdir mkdirat mmap mprotect munmap newfstatat openat poll pread64 prlimit64 read readlink recvfrom renameat rseq
    rt_sigaction rt_sigprocmask rt_sigreturn sendto set_robust_list set_tid_address setsockopt shutdown socket sysinfo
    uname unlinkat write
"""
# Not seen there. What the same lines of Python, libc and OpenSSL call on other kernels, C libraries and architectures;
# when a name server is asked; when a disk or a connection is in trouble.
KIN = """
    accept clock_getres clock_nanosleep clone close_range dup dup2 dup3 epoll_create epoll_ctl epoll_pwait
    epoll_pwait2 epoll_wait eventfd2 faccessat faccessat2 fchmodat fdatasync flock fstat fstatfs getcwd getdents
    getegid geteuid getgid getppid getrusage gettimeofday getuid kill lstat membarrier mremap nanosleep open openat2
    pipe pipe2 ppoll prctl pselect6 pwrite64 readlinkat readv recvmmsg recvmsg rename renameat2 restart_syscall
    riscv_hwprobe rmdir sched_getaffinity sched_yield select sendmmsg sendmsg sigaltstack socketpair stat statfs
    statx tgkill time times unlink wait4 waitid writev
"""

_ALLOWED = {*MEASURED.split(), *KIN.split(), *(call for base in BASES for call in base.calls)}
PROFILE = SeccompProfile(
    SeccompProfileSpec("SCMP_ACT_ERRNO", syscalls=(Syscall(tuple(sorted(_ALLOWED)), "SCMP_ACT_ALLOW"),)),
    ObjectMeta(name=APP),
)
DATA = render(Resolved(PROFILE, PROFILE.spec.syscalls))
FORM = form_of(DATA)
FILE = f"{APP}-{FORM[:8]}.json"  # in the operator's directory; the files of profiles stand one deeper

LAYER = "profile-layer"
COMMAND = "lay-profile"
SELINUX_TYPE = "spc_t"  # the usual one for containers that write to the node
VOLUME = "host-operator-volume"


def confinement() -> dict[str, str]:
    """The `seccompProfile` of a container of ours."""
    return {"type": "Localhost", "localhostProfile": f"{LOCALHOST_ROOT}/{FILE}"}


def layer(image: str, pull_policy: str, kubelet_dir: str, selinux_type: str) -> dict[str, Any]:
    """The init container that lays the file: `spo lay-profile`, root without capabilities, under RuntimeDefault.

    It is told the file's name, so that another release's image lays it where this manifest's containers look for it.
    """
    return {
        "name": LAYER,
        "image": image,
        "imagePullPolicy": pull_policy,
        "args": [COMMAND, f"--as={FILE}"],
        "env": [{"name": "KUBELET_DIR", "value": kubelet_dir}],
        "resources": {
            "limits": {"ephemeral-storage": "50Mi", "memory": "64Mi"},
            "requests": {"cpu": "100m", "ephemeral-storage": "10Mi", "memory": "32Mi"},
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": security_context(
            ROOT,  # to whom the kubelet gives the directory
            runAsNonRoot=False,
            seLinuxOptions={"type": selinux_type},
            seccompProfile={"type": "RuntimeDefault"},
        ),
        "volumeMounts": [mount(kubelet_dir)],
    }


def mount(kubelet_dir: str) -> dict[str, str]:
    """The operator's directory of the node, at its own place in a container."""
    return {"name": VOLUME, "mountPath": profiles_directory(kubelet_dir)}


def volume(kubelet_dir: str) -> dict[str, Any]:
    """The volume of `mount`: the operator's directory of the node, which the kubelet makes if it is not there."""
    return {"name": VOLUME, "hostPath": {"path": profiles_directory(kubelet_dir), "type": "DirectoryOrCreate"}}
